"""Internals of a U-Net on a photo: its maps are the network's, and with all skips on so is its prediction."""

from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.models import find, frameworks
from cnn_demo.models.catalogue.registry import PET_LABELS
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.models.segmentation.unet_ablation import can_be_opened, maps_inside, without_skips
from cnn_demo.models.segmentation.unets import SKIPS, bundled_unet

PIXELS = np.random.default_rng(2).integers(0, 256, (70, 100, 3), dtype=np.uint8)
SPEC = replace(
    find("fcn_resnet50"), key="own", family="smp", builder="Unet", labels=PET_LABELS, input_size=(64, 64), scaling="tf"
)


@pytest.fixture(scope="module")
def model() -> SemanticSegmenter:
    """The bundled architecture with random weights; normalizations are fitted to their inputs."""
    torch = frameworks.torch()
    torch.manual_seed(1)
    network = bundled_unet(len(PET_LABELS))
    with torch.no_grad():
        network(torch.rand(4, 3, 64, 96) * 2 - 1)
    return SemanticSegmenter(SPEC, network.eval(), "cpu", 32)


def test_only_u_nets_can_be_opened():
    assert can_be_opened(SPEC)
    assert not can_be_opened(replace(SPEC, builder="FPN"))
    assert not can_be_opened(find("fcn_resnet50"))


def test_every_step_has_its_maps_without_the_padding(model):
    maps = maps_inside(model, PIXELS)
    frame = model.frame(PIXELS.shape[:2])
    assert frame.input != frame.scaled
    for name, values in maps.items():
        stride = int(name.rpartition("/")[2])
        expected = [max(1, round(length / stride)) for length in frame.scaled]
        assert list(values.shape[:2]) == expected, name
        assert np.isfinite(values).all()
    assert len(maps) == 10


def test_the_maps_are_the_networks(model):
    batch = model.batch(model.frame(PIXELS.shape[:2]).apply(PIXELS))
    with frameworks.torch().no_grad():
        theirs = unets.feature_maps(model.network, batch)["encoder 1/8"][0].permute(1, 2, 0).numpy()
    ours = maps_inside(model, PIXELS)["encoder 1/8"]
    np.testing.assert_allclose(ours, theirs[: ours.shape[0], : ours.shape[1]], atol=1e-4)


def test_with_all_skips_on_the_prediction_is_unchanged(model):
    ours, whole = without_skips(model, PIXELS, ()), model.predict(PIXELS)
    np.testing.assert_array_equal(ours.class_map, whole.class_map)
    np.testing.assert_allclose(ours.confidence, whole.confidence, atol=1e-4)
    assert ours.class_map.shape == PIXELS.shape[:2]


@pytest.mark.parametrize("stride", SKIPS)
def test_each_skip_matters(model, stride):
    whole = model.predict(PIXELS)
    assert np.abs(without_skips(model, PIXELS, (stride,)).confidence - whole.confidence).max() > 1e-4


def test_an_unknown_skip_is_refused(model):
    with pytest.raises(ValueError, match="no skip connection of stride 3"):
        without_skips(model, PIXELS, (3,))
