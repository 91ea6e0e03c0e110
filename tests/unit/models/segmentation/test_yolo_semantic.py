"""YOLO26's semantic segmentation models: the same class map as Ultralytics' own prediction."""

from dataclasses import replace

import numpy as np
import pytest
from random_networks import fit_normalizations

from cnn_demo.models import ModelUnavailable, find, frameworks, load
from cnn_demo.models.segmentation.segmenters import load_torch_segmenter

SPEC = find("yolo26n-sem")


def photo(height: int = 96, width: int = 128) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder with a network of random weights, saved as Ultralytics publishes its own."""
    ultralytics, torch = frameworks.ultralytics(), frameworks.torch()
    torch.manual_seed(3)
    theirs = ultralytics.YOLO(SPEC.builder, task="semantic")
    theirs.model.names = dict(enumerate(SPEC.labels))
    seen = torch.from_numpy(photo().transpose(2, 0, 1)[None] / np.float32(255))
    fit_normalizations(theirs.model, torch.cat([seen, seen.flip(2), seen.flip(3)]))
    folder = tmp_path_factory.mktemp("weights")
    theirs.save(folder / SPEC.weights)
    return folder


@pytest.fixture
def folder(checkpoint, no_models, monkeypatch):
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(checkpoint))
    return checkpoint


def test_every_pixel_gets_the_class_that_ultralytics_predicts(folder):
    assert SPEC.availability() == "at hand"
    model = load(SPEC.key, "cpu")
    ours = model.predict(photo(), side=96)
    with frameworks.keep_torch_threads():
        theirs = frameworks.ultralytics().YOLO(folder / SPEC.weights, task="semantic")
        expected = theirs.predict(photo()[..., ::-1], imgsz=(96, 128), verbose=False, device="cpu")[0]
    expected = expected.semantic_mask.data.numpy().squeeze()
    assert len(np.unique(expected)) > 3
    assert np.mean(ours.class_map == expected) > 0.999
    assert ours.labels == SPEC.labels


def test_photos_of_any_size_and_tiles(folder):
    model = load(SPEC.key, "cpu")
    assert model.stride == 32
    for size in ((50, 70), (1, 1), (33, 200)):
        assert model.predict(photo(*size), side=min(64, size[0])).class_map.shape == size
    assert model.predict(photo(), "tiled", side=96, tile=64).class_map.shape == (96, 128)


def test_a_file_that_does_not_fit_is_refused_in_one_sentence(folder, monkeypatch, tmp_path):
    with pytest.raises(ModelUnavailable, match="other classes"):
        load_torch_segmenter(replace(SPEC, labels=("road", "sky")), "cpu")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"not on this machine: yolo26n-sem\.pt is missing\.$"):
        load_torch_segmenter(SPEC, "cpu")
    (tmp_path / SPEC.weights).write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match="cannot be read: please replace"):
        load_torch_segmenter(SPEC, "cpu")
