"""The bundled segmenters find their classes on photos that are not in their data sets, in every mode."""

import os
import shutil
import subprocess
import sys
from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest

from cnn_demo.images.samples import sample_photos
from cnn_demo.machine import describe_machine
from cnn_demo.models import find, frameworks, load, openvino_export, release
from cnn_demo.models.segmentation.postprocessing import postprocess
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter

SAMPLES = {sample.key: sample for sample in sample_photos()}
NOSE = (180, 270)  # row and column of the tip of Chelsea's


def test_chelseas_head_is_a_cats():
    found = load("pet_unet", "cpu").predict(SAMPLES["chelsea"].load().pixels)
    assert found.labels[found.class_map[NOSE]] == "cat"
    assert found.coverage()["cat"] > 0.4
    assert found.coverage().get("dog", 0) < 0.1


def test_chelsea_is_one_cat_with_her_nose_in_its_mask():
    found = load("pets_instances", "cpu").predict(SAMPLES["chelsea"].load().pixels)
    assert found["class_name"].tolist() == ["cat"]
    assert found.mask[0][NOSE]
    assert found.mask[0].mean() > 0.4


def test_the_sky_is_above_and_the_road_below():
    model = load("street_unet", "cpu")
    pavilion = model.predict(SAMPLES["china"].load().pixels)
    sky = pavilion.class_map == pavilion.labels.index("sky")
    assert sky[:100].mean() > 0.8
    assert sky[-100:].mean() < 0.05
    street = model.predict(SAMPLES["bus"].load().pixels)
    grounds = [street.labels.index(label) for label in ("road", "pavement")]
    assert np.isin(street.class_map[-150:], grounds).mean() > 0.5


@pytest.mark.parametrize("key", ["pet_unet", "street_unet"])
def test_a_large_photo_in_tiles_has_the_mask_of_one_pass(key):
    photo = cv2.resize(SAMPLES["china"].load().pixels, (1280, 960), interpolation=cv2.INTER_CUBIC)
    model = load(key, "cpu")
    for side in (None, 960):
        whole, tiled = (model.predict(photo, mode, side).class_map for mode in ("whole", "tiled"))
        assert (whole == tiled).mean() > (0.995 if side else 0.9999)


def test_tiling_the_widest_sample_changes_as_few_pixels_as_the_page_states():
    model = load("street_unet", "cpu")  # of both U-Nets and all samples, these differ most
    photo = cv2.resize(SAMPLES["zidane"].load().pixels, (1707, 960), interpolation=cv2.INTER_CUBIC)
    whole, tiled = (model.predict(photo, mode, 960).class_map for mode in ("whole", "tiled"))
    assert (whole != tiled).mean() <= 0.015


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A user's cache with both U-Nets and a detector in OpenVINO's format."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        release()
        for key in ("pet_unet", "street_unet", "assorted_yolo11n"):
            exported(load(key, "cpu"))
        release()
    return folder


@pytest.fixture
def full_cache(exports, no_models, monkeypatch, tmp_path):
    """The user's cache, with all exports in it."""
    shutil.copytree(exports, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def exported(model):
    model.wait_for_export()
    return model


@pytest.mark.parametrize("key", ["pet_unet", "street_unet"])
def test_openvino_agrees_with_torch(key, full_cache):
    model, photo = exported(load(key, "cpu")), SAMPLES["bus"].load().pixels
    assert model.engine == "OpenVINO"
    for side in (None, 201):  # two sizes with one network, the second filled up on two sides
        now = model.predict(photo, side=side, keep_probabilities=True)
        seen = model.batch(model.frame(photo.shape[:2], side).apply(photo))
        with model.lock:
            ours = model.run(seen)
        with frameworks.torch().inference_mode():
            theirs = model.network(seen)[0]
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-3)
        expected = postprocess(theirs, model.frame(photo.shape[:2], side))
        assert (now.class_map == expected["class_map"]).mean() > 0.9999
        np.testing.assert_allclose(now.confidence, expected["confidence"], atol=1e-3)


def test_a_network_is_exported_once(full_cache, monkeypatch):
    assert [path.suffix for path in sorted(full_cache.rglob("pet_unet-*"))] == [".bin", ".sha256", ".xml"]
    monkeypatch.setattr(openvino_export, "converted", None)
    assert exported(load("pet_unet", "cpu")).engine == "OpenVINO"


WITHOUT_TORCH = """
import sys
from cnn_demo.images import sample_photos
from cnn_demo.models import load

photo = next(sample for sample in sample_photos() if sample.key == "chelsea").load().pixels
unet = load("pet_unet")
for mode in ("whole", "tiled"):  # enlarged to three tiles
    print(unet.predict(photo, mode, 960, keep_probabilities=True).coverage()["cat"])
print(list(load("assorted_yolo11n").predict(photo).data["class_name"]))
print([name for name in ("torch", "torchvision", "ultralytics", "tensorflow") if name in sys.modules])
"""


@pytest.mark.skipif(describe_machine().device != "cpu", reason="with a GPU, torch runs these networks")
def test_exported_networks_need_no_torch(full_cache, root):
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=root, capture_output=True, text=True, timeout=200, check=True
    )
    *coverage, classes, imported = ended.stdout.splitlines()
    assert float(coverage[0]) == pytest.approx(float(coverage[1]), abs=0.01)
    assert classes != "[]"
    assert imported == "[]"


def test_a_program_that_ends_during_the_export_ends_well(tmp_path, root):
    """A prediction takes less time than the export, which is finished anyway, without output."""
    command = [sys.executable, "-m", "cnn_demo", "segment", "assets/samples/chelsea.jpg", "--model", "pet_unet"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    ended = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "cat" in ended.stdout
    assert [path.suffix for path in sorted(tmp_path.rglob("pet_unet-*"))] == [".bin", ".sha256", ".xml"]


def test_if_the_export_fails_it_stays_in_torch(full_cache, monkeypatch, caplog):
    (description,) = full_cache.rglob("pet_unet-*.xml")
    monkeypatch.setattr(openvino_export, "write", fail)
    description.unlink()
    model = exported(load("pet_unet", "cpu"))
    assert model.engine == "torch"
    assert "pet_unet stays in torch" in caplog.text
    assert model.predict(SAMPLES["chelsea"].load().pixels).coverage()["cat"] > 0.4


def test_a_broken_export_is_made_anew(full_cache):
    (description,) = full_cache.rglob("pet_unet-*.xml")
    description.write_text("no network")
    assert exported(load("pet_unet", "cpu")).engine == "OpenVINO"
    assert len(description.read_bytes()) > 10_000


def fail(model, path):
    raise OSError("disk full")


def test_a_network_that_is_loaded_for_a_prediction_has_gradients_too():
    with frameworks.torch().inference_mode():
        network = SemanticSegmenter(find("pet_unet"), None, "cpu", 32, MagicMock()).network
    assert not any(values.is_inference() for values in (*network.parameters(), *network.buffers()))
