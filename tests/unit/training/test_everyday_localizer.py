"""The everyday localizer's training: crops keep their main object, and the Keras network agrees with torch's."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.torch import load_file

from cnn_demo.models import frameworks
from cnn_demo.models.boxes import weighted_median
from cnn_demo.models.bundled_networks import EVERYDAY_SIDE, everyday_localizer
from cnn_demo.models.calibration import softmax
from training import everyday_localizer as program
from training.data.everyday import LABELS, NOTHING, EverydayPhoto, main_object, read_nothing
from training.data.placement import squash
from training.everyday_localizer import cropped, predict
from training.networks.encoders import load_encoder
from training.networks.everyday_localizer import Backbone, LocalizerNetwork
from training.steps.class_head import fit_class_head

torch = frameworks.torch()
CAT, CAR = LABELS.index("cat"), LABELS.index("car")


@pytest.fixture
def photo():
    """A large bright cat and a small dark car on grey."""
    pixels = np.full((120, 160, 3), 100, np.uint8)
    pixels[30:90, 20:100], pixels[60:80, 120:150] = 250, 10
    boxes = np.array([[120, 60, 150, 80], [20, 30, 100, 90]], np.float32)
    return EverydayPhoto(pixels, boxes, np.array([CAR, CAT]), "photo", np.zeros(2, bool))


def test_the_main_object_has_the_largest_box(photo):
    label, box = main_object(photo.boxes, photo.class_ids)
    assert label == CAT
    assert box.tolist() == [20, 30, 100, 90]


def test_photos_of_nothing_show_none_of_the_classes(everyday_archives):
    training, validation = read_nothing(everyday_archives)
    assert [len(training), len(validation)] == [3 * 7 + 2, 3]  # a zebra and a landscape besides


@pytest.mark.parametrize("seed", range(20))
def test_a_crop_has_its_main_object_in_the_box(photo, seed):
    pixels, label, boxes = cropped(photo, np.random.default_rng(seed))
    height, width = pixels.shape[:2]
    corners = np.round(boxes * (width, height, width, height)).astype(int)
    sides = corners[:, 2:] - corners[:, :2]
    assert 1 <= len(boxes) <= 2
    assert (np.diff(sides.prod(1)) < 0).all()  # largest first
    assert height >= round(program.MIN_CROP * 120)
    assert label in (CAT, CAR)
    for (left, top, right, bottom), value in zip(corners, (250, 10) if label == CAT else (10, 250), strict=False):
        assert (pixels[top:bottom, left:right] == value).all()
    assert sides[0].prod() >= program.MIN_VISIBLE * (80 * 60 if label == CAT else 30 * 20)


def test_a_photo_shown_whole_keeps_every_box(photo):
    pixels, label, boxes = cropped(photo, np.random.default_rng(0), whole=1)
    np.testing.assert_array_equal(pixels, photo.pixels)
    assert label == CAT
    np.testing.assert_allclose(boxes * (160, 120, 160, 120), photo.boxes[::-1], atol=1e-3)


def test_mirroring_keeps_every_box_on_its_object(photo):
    pool = SimpleNamespace(draw=lambda rng: photo)
    for seed in range(20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(program, "recolour", lambda pixels, rng: pixels)
            patch.setattr(program, "tint", lambda pixels, rng: pixels)
            pixels, label, boxes = program.drawn(pool, pool, [photo.pixels * 0], 96, np.random.default_rng(seed))
        if label == NOTHING:
            assert not len(boxes)
            continue
        centres = ((boxes[:, :2] + boxes[:, 2:]) / 2 * 96).astype(int)
        values = [int(pixels[y, x].mean()) for x, y in centres]
        np.testing.assert_allclose(values, [250, 10][: len(values)] if label == CAT else [10], atol=30)


def test_a_batch_pads_the_boxes_of_each_picture():
    boxes = [np.eye(4)[:2], np.zeros((0, 4)), np.eye(4)[:3]]
    batch = program.batch_of([(np.zeros((8, 8, 3), np.uint8), 1, rows) for rows in boxes], "cpu")
    assert batch["boxes"].shape == (3, 3, 4)
    for row, rows in zip(batch["boxes"].numpy(), boxes, strict=True):
        np.testing.assert_array_equal(row[: len(rows)], rows)
        assert not row[len(rows) :].any()


def test_a_photo_of_nothing_stays_nothing():
    nothing = EverydayPhoto(np.zeros((40, 60, 3), np.uint8), np.zeros((0, 4)), np.zeros(0, int), "", np.zeros(0, bool))
    labels = {cropped(nothing, np.random.default_rng(seed))[1] for seed in range(10)}
    assert labels == {NOTHING}


@pytest.fixture(scope="module")
def trained(pseudo_labelled, everyday_archives, training_options, tmp_path_factory):
    """A folder with the results of one epoch, and its history."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pseudo_labelled)
        patch.setattr(program, "RECIPE", replace(program.RECIPE, small_side=64, rate=0.2))  # while it warms up
        return folder, program.run(training_options(everyday_archives, folder))


@pytest.fixture(scope="module")
def bundled_detector(root):
    """File with the everyday detector's weights."""
    return root / "assets" / "weights" / "everyday_detector.safetensors"


@pytest.fixture(scope="module")
def heads(trained, bundled_detector, pseudo_labelled, everyday_archives, training_options, tmp_path_factory):
    """A folder with the results of the second stage, which trains the heads only."""
    folder = tmp_path_factory.mktemp("heads")
    first = trained[0] / "bundle" / "everyday_localizer.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pseudo_labelled)
        patch.setattr(program, "RECIPE", replace(program.RECIPE, small_side=64, rate=0.2))
        program.run(training_options(everyday_archives, folder, heads_of=[first], detector=bundled_detector))
    return folder


def test_the_second_stage_averages_encoders_and_trains_the_heads(trained, heads, bundled_detector):
    first = load_file(trained[0] / "bundle" / "everyday_localizer.safetensors")
    second = load_file(heads / "bundle" / "everyday_localizer.safetensors")
    detector = load_file(bundled_detector)
    imagenet = LocalizerNetwork()
    load_encoder(imagenet.encoder)
    for name, value in imagenet.encoder.state_dict().items():
        if value.is_floating_point():
            others = (first[f"encoder.{name}"].float() + detector[f"encoder.{name}"].float()) / 2
            expected = 0.3 * value + 0.7 * others
            torch.testing.assert_close(second[f"encoder.{name}"].float(), expected, rtol=2e-3, atol=2e-3)
    for name in ("heads.logits.weight", "neck_conv.conv.weight", "heads.box_places.weight"):
        assert not torch.equal(first[name], second[name])


def test_without_an_epoch_the_weights_are_the_average_of_several(
    trained, heads, pseudo_labelled, everyday_archives, training_options, tmp_path
):
    files = [folder / "bundle" / "everyday_localizer.safetensors" for folder in (trained[0], heads)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pseudo_labelled)
        program.run(training_options(everyday_archives, tmp_path, epochs=0, heads_of=files, imagenet=0))
    first, second = (load_file(file) for file in files)
    both = load_file(tmp_path / "bundle" / "everyday_localizer.safetensors")
    for name in ("neck_conv.conv.weight", "heads.box_places.bias", "encoder.blocks.5.0.conv_pw.weight"):
        expected = (first[name].float() + second[name].float()) / 2
        torch.testing.assert_close(both[name].float(), expected, rtol=2e-3, atol=2e-3)
    assert not torch.equal(both["heads.logits.weight"], first["heads.logits.weight"])  # fitted anew


def test_a_frozen_encoder_computes_the_same_in_training():
    network = LocalizerNetwork()
    load_encoder(network.encoder)
    network.freeze_encoder()
    pictures = torch.rand((2, 3, 64, 64)) * 2 - 1
    with torch.no_grad():
        expected = Backbone(network.encoder.eval())(pictures)
    maps = network.train().features(pictures)
    assert network.heads.training
    assert not network.encoder.training
    for features, expected_features in zip(maps, expected, strict=True):
        torch.testing.assert_close(features, expected_features, rtol=1e-3, atol=1e-3)


def test_the_class_head_separates_its_training_data():
    class Means(torch.nn.Module):
        """A network whose averaged feature maps are the picture's mean colour."""

        def __init__(self):
            super().__init__()
            self.heads = torch.nn.Module()
            self.heads.logits = torch.nn.Linear(3, NOTHING + 1)

        def features(self, pictures):
            return None, pictures

    colours = {CAT: (250, 10, 10), CAR: (10, 10, 250), NOTHING: (10, 250, 10)}
    draw = np.random.default_rng(0)
    pictures = {
        label: [np.clip(draw.normal(colour, 20, (8, 8, 3)), 0, 255).astype(np.uint8) for _ in range(30)]
        for label, colour in colours.items()
    }
    box, sure = np.array([[0, 0, 8, 8]], np.float32), np.zeros(1, bool)
    photos = [
        EverydayPhoto(pixels, box, np.array([label]), "", sure) for label in (CAT, CAR) for pixels in pictures[label]
    ]
    network = Means()
    fit_class_head(network, photos, pictures[NOTHING], side=8, epochs=300)
    for label, colour in colours.items():
        means = torch.tensor(colour, dtype=torch.float32) / 127.5 - 1
        assert int(network.heads.logits(means).argmax()) == label


def test_an_epoch_is_trained_and_measured(trained):
    history = trained[1]
    assert np.isfinite(history[0]["loss"])
    assert {"accuracy", "accuracy_of_twenty", "mean_iou", "false_boxes"} <= set(history[0])
    assert 0 <= history[0]["mean_iou"] <= 1


def test_the_keras_network_agrees_with_torch(heads, photo):
    bundle = heads / "bundle"
    network, deployed = LocalizerNetwork(), everyday_localizer()
    network.load_state_dict(load_file(bundle / "everyday_localizer.safetensors"))
    deployed.load_weights(bundle / "everyday_localizer.weights.h5")
    probabilities, box = predict(network.eval(), photo.pixels)
    seen = squash(photo.pixels, EVERYDAY_SIDE)[None].astype(np.float32) / 127.5 - 1
    outputs = {name: np.array(value) for name, value in deployed(seen, training=False).items()}
    np.testing.assert_allclose(softmax(outputs["logits"][0]), probabilities, atol=1e-3)
    median = weighted_median(outputs["votes"][0].reshape(-1, 4), outputs["attention"][0].ravel())
    np.testing.assert_allclose(median, box, atol=1e-3)
    with torch.no_grad():
        theirs = network(torch.from_numpy(seen.transpose(0, 3, 1, 2)))["box"][0].numpy()
    np.testing.assert_allclose(outputs["box"][0], theirs, atol=1e-3)
    assert probabilities.std() > 1e-3
