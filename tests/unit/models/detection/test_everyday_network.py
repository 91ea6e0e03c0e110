"""The everyday detector's network: its grids, and the same boxes from Ultralytics' decoding, ours, and OpenVINO."""

import copy

import numpy as np
import pytest
from random_networks import fit_normalizations

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.segmentation_models import VOC_LABELS
from cnn_demo.models.detection.candidates import Grid
from cnn_demo.models.detection.everyday_network import NECK_CHANNELS, STRIDES, everyday_detector
from cnn_demo.models.detection.yolo_detector import decode
from cnn_demo.models.detection.yolo_engines import OpenVinoEngine, TorchEngine, export_to_openvino, with_raw_outputs

torch = frameworks.torch()
LABELS = VOC_LABELS[1:]
SIZE = (96, 160)
GRIDS = tuple(Grid(stride, SIZE[0] // stride, SIZE[1] // stride) for stride in STRIDES)
CELLS = sum(grid.rows * grid.columns for grid in GRIDS)


@pytest.fixture(scope="module")
def pictures():
    return torch.rand((1, 3, *SIZE), generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def network(pictures):
    """Random weights, and statistics of the pictures, so that maps do not fade on the way."""
    torch.manual_seed(0)
    network = everyday_detector(LABELS)
    fit_normalizations(network, torch.cat([pictures, pictures.flip(2), pictures.flip(3), 1 - pictures]))
    for branch in network.head.cv3:
        branch[-1].bias.data.zero_()  # scores around one half, not around one in a thousand
    return network


@pytest.fixture(scope="module")
def by_ultralytics(network, pictures):
    """Centres, sizes and scores (24, N) as Ultralytics' head decodes them."""
    with torch.no_grad():
        return network(pictures)[0][0].numpy()


@pytest.fixture(scope="module")
def wrapped(network):
    return with_raw_outputs(copy.deepcopy(network))


def test_it_has_three_grids_and_twenty_classes(network, by_ultralytics, pictures):
    assert by_ultralytics.shape == (24, CELLS)
    with torch.no_grad():
        raw = network(pictures)[1]
    assert raw["boxes"].shape == (1, 64, CELLS)
    assert raw["scores"].shape == (1, 20, CELLS)
    expected = [(1, NECK_CHANNELS, grid.rows, grid.columns) for grid in GRIDS]
    assert [tuple(maps.shape) for maps in raw["feats"]] == expected
    assert tuple(network.names[i] for i in range(20)) == LABELS
    assert sum(parameter.numel() for parameter in network.parameters()) < 5_000_000


def test_raw_outputs_decode_as_ultralytics_does(wrapped, by_ultralytics, pictures):
    assert (wrapped.strides, wrapped.needs_nms) == (STRIDES, True)
    distances, scores = TorchEngine(wrapped, "cpu")(pictures.numpy())
    boxes = decode(distances[0].T, GRIDS)
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    np.testing.assert_allclose(np.concatenate([middles, sizes], axis=1), by_ultralytics[:4].T, atol=1e-2)
    np.testing.assert_allclose(scores[0], by_ultralytics[4:], atol=1e-5)
    assert scores.std() > 0.05


def test_openvino_computes_the_same(wrapped, pictures, tmp_path):
    export_to_openvino(wrapped, tmp_path / "network.xml")
    engine = OpenVinoEngine(tmp_path / "network.xml")
    assert (engine.strides, engine.needs_nms) == (STRIDES, True)
    for seen in (pictures.numpy(), np.ascontiguousarray(pictures.numpy()[..., :64])):  # one export for all sizes
        for own, expected in zip(engine(seen), TorchEngine(wrapped, "cpu")(seen), strict=True):
            np.testing.assert_allclose(own, expected, atol=1e-3)


def test_a_yolov8_that_was_built_before_changes_nothing(network, monkeypatch):
    frameworks.ultralytics()
    from ultralytics.nn.modules import Detect

    monkeypatch.setattr(Detect, "legacy", True)  # as Ultralytics does for all heads that are built afterwards
    assert everyday_detector(LABELS).state_dict().keys() == network.state_dict().keys()
