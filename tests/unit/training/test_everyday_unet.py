"""The everyday U-Net's training: how photos are drawn, and a run of an epoch from the detector's encoder."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.detection.everyday_network import everyday_detector
from cnn_demo.models.segmentation.metrics import IGNORED
from training import everyday_unet
from training.data.everyday import LABELS
from training.data.masks import MaskedPhoto
from training.everyday_unet import BY_CLASS, TRUE_MASK, MaskedPool, everyday_pets, everyday_view
from training.steps.bundle import bundle_float16

torch = frameworks.torch()


def photo_of(*class_ids: int, name: str = "") -> MaskedPhoto:
    mask = np.array([[0, IGNORED, *class_ids]], np.uint8)
    return MaskedPhoto(np.zeros((*mask.shape, 3), np.uint8), mask, name or str(class_ids))


def test_sampling_by_class_draws_all_classes_equally_often():
    pool = MaskedPool([photo_of(15)] * 90 + [photo_of(3), photo_of(), photo_of(20, 3)] + [photo_of(8)] * 7)
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    drawn = Counter(pool.draw(rng).name for _ in range(6000))
    counts = {"(15,)": (90, 1), "(3,)": (1, 0.5), "()": (1, 0), "(20, 3)": (1, 1.5), "(8,)": (7, 1)}  # photos, classes
    for name, (photos, classes) in counts.items():
        fraction = (1 - BY_CLASS) * photos / 100 + BY_CLASS * classes / 4
        assert drawn[name] / 6000 == pytest.approx(fraction, abs=0.02), name
    assert Counter(pool.draw(again).name for _ in range(6000)) == drawn


def test_true_masks_and_pseudo_masks_are_mixed(monkeypatch):
    rng, seen = np.random.default_rng(0), Counter()
    monkeypatch.setattr(everyday_unet, "view", lambda photo, *_: seen.update([photo.name]))
    pools = MaskedPool([photo_of(1, name="true")] * 3), MaskedPool([photo_of(1, name="pseudo")] * 300)
    for _ in range(2000):
        everyday_view(*pools, 64, rng)
    assert seen["true"] / 2000 == pytest.approx(TRUE_MASK, abs=0.04)


def test_a_photo_just_fits_at_a_zoom_of_one(monkeypatch):
    arguments = {}
    monkeypatch.setattr(everyday_unet, "view", lambda photo, size, zooms, rng: arguments.update(size=size, zooms=zooms))
    photo = MaskedPhoto(np.zeros((50, 200, 3), np.uint8), np.ones((50, 200), np.uint8), "wide")
    everyday_view(MaskedPool([photo]), MaskedPool([photo]), 100, np.random.default_rng(0))
    assert arguments == {"size": (100, 100), "zooms": tuple(zoom / 2 for zoom in everyday_unet.ZOOMS)}


def test_it_starts_from_the_detectors_encoder_and_can_resume(
    everyday_archives, in_pseudo_labelled, training_options, tmp_path, monkeypatch, capsys
):
    torch.manual_seed(3)
    detector = everyday_detector(LABELS)
    bundle_float16(detector, tmp_path / "detector.safetensors")
    monkeypatch.setattr(everyday_unet, "RECIPE", replace(everyday_unet.RECIPE, rate=0.0, small_side=32))
    options = training_options(everyday_archives, tmp_path / "run", side=32, encoder=tmp_path / "detector.safetensors")
    first = everyday_unet.run(options)
    message = "15 photos with masks and 2 with pseudo-masks to learn from, 2 held back"  # twelve of them pets
    assert message in capsys.readouterr().out
    assert {"mean_iou", "pixel_accuracy"} <= set(first[0])
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["network"]
    for name, parameter in detector.encoder.named_parameters():
        torch.testing.assert_close(state[f"encoder.{name}"], parameter.detach(), atol=1e-3, rtol=1e-3)
    options.resume, options.epochs = True, 2
    history = everyday_unet.run(options)
    assert history[0] == first[0]
    assert len(history) == 2
    assert 0 <= history[1]["mean_iou"] <= 1


def test_pets_have_the_class_ids_of_pascal_voc():
    mask = np.array([[0, 1, 2, IGNORED]], np.uint8)
    pets = everyday_pets([MaskedPhoto(np.zeros((1, 4, 3), np.uint8), mask, "pets")])
    assert pets[0].mask.tolist() == [[0, LABELS.index("cat") + 1, LABELS.index("dog") + 1, IGNORED]]
