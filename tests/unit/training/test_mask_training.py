"""The trainings of the segmenters: the loss, the loop that may be interrupted, and a few steps of each program."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.registry import PET_LABELS, STREET_LABELS
from cnn_demo.models.catalogue.segmentation_models import VOC_LABELS
from cnn_demo.models.segmentation.metrics import IGNORED
from cnn_demo.models.segmentation.unets import bundled_unet
from training import evaluate_masks, pet_unet, pets_instances, street_unet
from training.assorted_yolo import new_network, yolo_loss
from training.data.composites import Composite
from training.data.everyday import read_voc
from training.data.masks import MaskedPhoto, read_camvid, read_pets
from training.pets_instances import masked_batch, prediction_for, truth_of
from training.steps import loop, precision, schedules
from training.steps.bundle import bundle_float16
from training.steps.unet import (
    COARSE_STEPS,
    SAMPLED,
    as_input,
    batch_of,
    class_weights,
    foreground_iou,
    load_coarse,
    mask_loss,
    measured,
    read_unet_options,
    sampled,
)
from training.steps.unet import new_network as new_unet

torch = frameworks.torch()


def test_the_rate_rises_stays_and_falls_to_nothing():
    rates = [schedules.rate_at(step, 2000) for step in range(2001)]
    assert rates[0] == pytest.approx(1 / schedules.WARM_UP)
    assert rates[schedules.WARM_UP : 1400] == [1.0] * (1400 - schedules.WARM_UP)
    assert rates[1700] == pytest.approx(0.5)
    assert rates[2000] == 0


def test_the_mean_follows_quickly_at_first_and_slowly_later():
    for count, expected in ((0, 0.9), (10**6, 1 - schedules.MEMORY)):
        means = [torch.zeros(3), torch.tensor(5)]
        schedules.ema_update(means, [torch.ones(3), torch.tensor(7)], count)
        torch.testing.assert_close(means[0], torch.full((3,), expected))
        assert int(means[1]) == 7


def test_weights_decay_and_nothing_else_does():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    wide, narrow = schedules.parameter_groups(network, 0.1)
    assert (wide["weight_decay"], narrow["weight_decay"]) == (0.1, 0)
    assert [parameter.ndim for parameter in wide["params"]] == [4]
    assert len(narrow["params"]) == 3


def test_a_pretrained_encoder_learns_at_its_own_rate():
    parts = {"encoder": torch.nn.Conv2d(3, 4, 3), "head": torch.nn.Conv2d(4, 2, 1)}
    groups = schedules.parameter_groups(torch.nn.ModuleDict(parts), 0.1, encoder_rate=0.3)
    assert [(group["factor"], group["weight_decay"]) for group in groups] == [(0.3, 0.1), (0.3, 0), (1, 0.1), (1, 0)]
    assert [group["params"][0].shape[0] for group in groups] == [4, 4, 2, 2]


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1, 3], np.float32)])
def test_the_loss_is_cross_entropy_plus_dice_without_ignored_pixels(weights):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, (2, 8, 8)).astype(np.uint8)
    classes[:, :2] = IGNORED
    logits = torch.from_numpy(rng.normal(0, 1, (2, 3, 8, 8)).astype(np.float32))
    large = logits.repeat_interleave(SAMPLED, 2).repeat_interleave(SAMPLED, 3)  # each sample of it is `logits`
    batch = {
        "images": torch.zeros(2, 3, 16, 16),
        "classes": torch.from_numpy(np.kron(classes, np.ones((1, 2, 2)))).long(),
    }
    loss = float(mask_loss(weights)(lambda images: large, batch))
    probabilities = logits.softmax(1).numpy().transpose(0, 2, 3, 1)[classes != IGNORED]
    true = np.eye(3)[classes[classes != IGNORED]]
    counts = np.ones(len(true)) if weights is None else true @ weights
    crossed = -(counts * np.log((probabilities * true).sum(1))).sum() / counts.sum()
    dice = 1 - (2 * (probabilities * true).sum(0) / (probabilities.sum(0) + true.sum(0))).mean()
    assert loss == pytest.approx(2 * (crossed + dice), rel=1e-4)
    large[:, :, :4] = 100
    assert float(mask_loss(weights)(lambda images: large, batch)) == pytest.approx(loss, rel=1e-4)


def test_the_loss_is_computed_of_each_pixel_in_time_and_of_its_own_class():
    classes = torch.arange(36).reshape(1, 6, 6)
    seen = set()
    for _ in range(40):
        logits, own = sampled(classes[:, None].float(), classes)
        assert own.shape == (1, 3, 3)
        assert (logits[:, 0] == own).all()
        seen |= set(own.flatten().tolist())
    assert seen == set(range(36))


def test_coarse_logits_belong_to_the_pixels_in_the_middle_of_their_cells():
    classes = torch.arange(64).reshape(1, 8, 8)
    logits, own = sampled(torch.zeros(1, 5, 2, 2), classes)
    assert logits.shape == (1, 5, 2, 2)
    assert own.tolist() == [[[18, 22], [50, 54]]]


def test_a_class_with_a_hundredth_of_the_pixels_counts_ten_times():
    mask = np.repeat(np.array([0, 1, 2, IGNORED], np.uint8), [100, 10_000, 1_000_000, 70])[None]
    photo = MaskedPhoto(np.zeros((*mask.shape, 3), np.uint8), mask, "made")
    np.testing.assert_allclose(class_weights([photo], 3), [10, 1, 0.1], rtol=1e-6)


def test_without_counted_pixels_there_is_no_loss():
    batch = {"images": torch.zeros(1, 3, 4, 4), "classes": torch.full((1, 4, 4), IGNORED)}
    assert float(mask_loss()(lambda images: torch.zeros(1, 3, 4, 4), batch)) == 0
    assert float(mask_loss(np.ones(3, np.float32))(lambda images: torch.zeros(1, 3, 4, 4), batch)) == 0


def test_a_batch_is_as_the_network_takes_it():
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = 255
    batch = batch_of([(pixels, np.ones((4, 6), np.uint8))] * 2, "cpu")
    assert batch["images"].shape == (2, 3, 4, 6)
    assert batch["images"][1, :, 0, 0].tolist() == [1, 1, 1]
    assert float(batch["images"].min()) == -1
    assert batch["classes"].dtype == torch.int64


def test_a_cat_taken_for_a_dog_is_foreground_all_the_same():
    assert foreground_iou(np.array([[50, 1, 2], [3, 10, 4], [0, 5, 20]])) == pytest.approx(39 / 45)


def test_streets_are_learned_and_the_training_continues(masked_archives, training_options, tmp_path, monkeypatch):
    monkeypatch.setattr(street_unet, "RECIPE", replace(street_unet.RECIPE, small_side=32, growth=0.6))
    first = street_unet.run(training_options(masked_archives, tmp_path))
    assert [epoch["side"] for epoch in first] == [32]
    assert 0 <= first[0]["mean_iou"] <= 1
    history = street_unet.run(training_options(masked_archives, tmp_path, epochs=3, resume=True))
    assert [epoch["side"] for epoch in history] == [32, 32, 64]
    assert history[0] == first[0]
    assert json.loads((tmp_path / "history.json").read_text()) == history


def test_the_bundle_is_the_mean_network_in_float16(
    everyday_archives, in_pseudo_labelled, training_options, tmp_path, capsys
):
    from safetensors.torch import load_file

    history = pet_unet.run(training_options(everyday_archives, tmp_path))
    assert "15 pets to learn from, 2 held back" in capsys.readouterr().out  # three of them cats with pseudo-masks
    assert {"foreground_iou", "mean_iou"} <= set(history[0])
    weights = load_file(tmp_path / "bundle" / "pet_unet.safetensors")
    assert {str(value.dtype) for value in weights.values()} == {"torch.float16", "torch.int64"}
    network = bundled_unet(len(PET_LABELS), 3)
    network.load_state_dict(weights)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["mean"]
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, saved[f"module.{name}"], atol=1e-3, rtol=1e-3)
    pets = read_pets(everyday_archives)[1]
    counted = sum(int((photo.mask != IGNORED).sum()) for photo in pets)
    for side in (None, 40):  # whatever size they go in with, all pixels of the photos are measured
        assert measured(network, pets, PET_LABELS, side).confusion.sum() == counted


def test_a_training_may_begin_with_the_weights_of_another(
    everyday_archives, in_pseudo_labelled, training_options, tmp_path, monkeypatch
):
    pet_unet.run(training_options(everyday_archives, tmp_path / "first"))
    weights = tmp_path / "first" / "bundle" / "pet_unet.safetensors"
    monkeypatch.setattr(pet_unet, "RECIPE", replace(pet_unet.RECIPE, rate=0.0))
    pet_unet.run(training_options(everyday_archives, tmp_path / "second", start=weights))
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("first", "second")]
    learned = [name for name, _ in bundled_unet(len(PET_LABELS), 3).named_parameters()]
    for name in learned:
        mean = states[0]["mean"][f"module.{name}"]
        torch.testing.assert_close(states[1]["network"][name], mean, atol=1e-3, rtol=1e-3)


def test_the_second_stage_starts_from_the_coarse_one(masked_archives, training_options, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["street_unet", "--coarse", "--out", str(tmp_path / "street_unet")])
    read, recipe = read_unet_options(street_unet.RECIPE, "Train it.", epochs=9, side=64, batch=2, pictures=4)
    assert (recipe.name, read.out.name) == ("street_unet_coarse", "street_unet_coarse")
    assert recipe.rate == street_unet.RECIPE.rate
    street_unet.run(training_options(masked_archives, read.out, coarse=True), recipe)
    weights = read.out / "bundle" / "street_unet_coarse.safetensors"
    recipe = replace(street_unet.RECIPE, rate=0.0)
    street_unet.run(training_options(masked_archives, tmp_path / "whole", from_coarse=weights), recipe)
    states = [torch.load(path / "checkpoint.pt", weights_only=True) for path in (read.out, tmp_path / "whole")]
    for name, _ in bundled_unet(len(STREET_LABELS), COARSE_STEPS).named_parameters():
        if not name.startswith("segmentation_head."):
            mean = states[0]["mean"][f"module.{name}"]
            torch.testing.assert_close(states[1]["network"][name], mean, atol=1e-3, rtol=1e-3)


def test_a_decoder_of_three_stages_is_trained_at_stride_4_and_predicts_every_pixel():
    network = new_unet(PET_LABELS, "cpu", decoder_steps=3)
    pictures = torch.rand(1, 3, 64, 96).contiguous(memory_format=torch.channels_last)
    assert network.train()(pictures).shape == (1, 3, 16, 24)
    with torch.no_grad():
        logits = network.eval()(pictures)
        own = bundled_unet(len(PET_LABELS), 3).eval()
        own.load_state_dict(network.state_dict())
        torch.testing.assert_close(own(pictures), logits, atol=1e-4, rtol=1e-4)
    assert logits.shape == (1, 3, 64, 96)


def test_a_coarse_unet_is_the_unet_up_to_stride_four(tmp_path):
    whole = bundled_unet(3).eval()
    coarse = bundled_unet(3, COARSE_STEPS).eval()
    coarse.encoder, coarse.decoder.blocks = whole.encoder, whole.decoder.blocks[:COARSE_STEPS]
    head, coarse.segmentation_head = coarse.segmentation_head[0], coarse.segmentation_head[0]
    seen = []
    whole.decoder.blocks[2].register_forward_hook(lambda block, given, step: seen.append(step))
    pictures = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        whole(pictures)
        logits = coarse(pictures)
        torch.testing.assert_close(logits, head(seen[0]))
    assert logits.shape == (1, 3, 16, 24)
    torch.testing.assert_close(seen[1], seen[0])
    bundle_float16(torch.nn.Conv2d(1, 1, 1), tmp_path / "other.safetensors")
    with pytest.raises(RuntimeError, match="Unexpected key"):
        load_coarse(whole, tmp_path / "other.safetensors")


def test_the_instance_loss_takes_our_batch_and_the_figures_our_predictions(masked_archives, training_options, tmp_path):
    history = pets_instances.run(training_options(masked_archives, tmp_path))
    assert np.isfinite(history[0]["loss"])
    assert 0 <= history[0]["mask_map50"] <= 1
    assert (tmp_path / "bundle" / "pets_instances.safetensors").is_file()


def test_masks_are_numbered_as_the_boxes_are():
    instances = np.zeros((64, 64), np.uint8)
    instances[8:24, 8:40], instances[32:56, 16:48] = 1, 2
    made = Composite(np.zeros((64, 64, 3), np.uint8), instances, np.array([2, 1]), instances)
    batch = masked_batch([made, made], "cpu")
    assert batch["masks"].shape == (2, 16, 16)
    assert batch["cls"].tolist() == [1, 0, 1, 0]
    for number, box in enumerate(batch["bboxes"][:2] * 16, 1):
        own = (batch["masks"][0] == number).nonzero().float()
        middle = (own.amin(0) + own.amax(0) + 1) / 2
        torch.testing.assert_close(middle.flip(0), box[:2])


def test_a_picture_without_pets_is_learned_from_too():
    network = new_network(pets_instances.ARCHITECTURE, pets_instances.LABELS)
    nothing = Composite(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros(0, int), None)
    loss = yolo_loss(network, masked_batch([nothing, nothing], "cpu"))
    loss.backward()
    assert float(loss.detach()) > 0


def test_predictions_are_mapped_back_to_the_photo(masked_archives):
    photo = read_pets(masked_archives)[1][0]
    network = new_network(pets_instances.ARCHITECTURE, pets_instances.LABELS)
    prediction = prediction_for(network, photo, 96)
    assert prediction.masks.shape[1:] == photo.mask.shape
    assert len(prediction.masks) == len(prediction.scores) == len(prediction.class_ids)
    masks, labels = truth_of(photo)
    assert masks.shape == (1, *photo.mask.shape)
    assert labels.tolist() == [PET_LABELS.index("dog") - 1]


class Oracle:
    """A model that returns the ground truth: it finds photos by their pixels."""

    def __init__(self, photos, labels):
        self.photos, self.spec = photos, argparse.Namespace(labels=labels)

    def wait_for_export(self):
        pass

    def predict(self, pixels, **settings):
        photo = next(photo for photo in self.photos if np.array_equal(photo.pixels, pixels))
        masks, class_ids = truth_of(photo)
        known = np.where(photo.mask == IGNORED, 0, photo.mask)
        return argparse.Namespace(class_map=known, mask=masks, class_id=class_ids, confidence=np.ones(len(masks)))


@pytest.mark.parametrize(
    ("evaluate", "read", "labels", "figure"),
    [
        (evaluate_masks.evaluate_streets, read_camvid, STREET_LABELS, "mean IoU"),
        (evaluate_masks.evaluate_pets, read_pets, PET_LABELS, "foreground IoU, cat or dog"),
        (evaluate_masks.evaluate_everyday, read_voc, VOC_LABELS, "mean IoU"),
        (evaluate_masks.evaluate_instances, read_pets, PET_LABELS[1:], "mask mAP50"),
    ],
)
def test_figures_of_a_perfect_model(evaluate, read, labels, figure, everyday_archives, monkeypatch):
    oracle = Oracle(read(everyday_archives)[1], labels)
    for loader in ("load_segmenter", "load_detector"):
        monkeypatch.setattr(evaluate_masks, loader, lambda key: oracle)
    figures = {name: value for name, value, _ in evaluate(everyday_archives)}
    assert figures[figure] == "1.0000"
    assert all(isinstance(value, str) for value in figures.values())


def test_pictures_are_scaled_to_0_to_1():
    assert as_input(np.full((1, 2, 3, 3), 255, np.uint8), "cpu").unique().tolist() == [1]


def test_arguments_have_the_defaults_of_each_training(monkeypatch):
    monkeypatch.setattr("sys.argv", ["street_unet", "--epochs", "3"])
    read = loop.read_options(street_unet.RECIPE, "Train it.", epochs=9, side=384, batch=8, pictures=80)
    assert (read.epochs, read.side, read.batch, read.out.as_posix()) == (3, 384, 8, "runs/street_unet")


@pytest.mark.parametrize("fast", [False, True])
def test_bfloat16_is_used_if_the_machine_supports_it(monkeypatch, fast):
    monkeypatch.setattr(precision, "fast_bfloat16", lambda device: fast)
    layer = torch.nn.Linear(3, 2)
    with precision.autocast("cpu"):
        output = layer(torch.ones(1, 3))
    assert output.dtype == (torch.bfloat16 if fast else torch.float32)
    assert layer.weight.dtype == torch.float32
    with precision.autocast("cpu", depthwise=True):  # whose gradients take longer in bfloat16
        assert layer(torch.ones(1, 3)).dtype == torch.float32


def test_every_gpu_supports_it():
    assert precision.fast_bfloat16("cuda")
    assert isinstance(precision.fast_bfloat16("cpu"), bool)
