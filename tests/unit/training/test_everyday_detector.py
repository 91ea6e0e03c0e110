"""The everyday detector's training: sampling of photos, the distillation loss, and a run of an epoch."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue import specs
from cnn_demo.models.catalogue.coco_detectors import COCO_LABELS
from cnn_demo.models.detection.everyday_network import STRIDES, everyday_detector
from cnn_demo.models.detection.yolo_engines import with_raw_outputs
from training import everyday_detector as program
from training.data.everyday import LABELS, EverydayPhoto, read_voc
from training.everyday_detector import BY_CLASS, RARE, EverydayPool, distillation_loss, measured
from training.networks.encoders import load_encoder

torch = frameworks.torch()
SIDE = 64
CELLS = sum((SIDE // stride) ** 2 for stride in STRIDES)


def photo_of(label: str) -> EverydayPhoto:
    box, class_ids = np.array([[2, 2, 6, 6]], np.float32), np.array([LABELS.index(label)])
    return EverydayPhoto(np.zeros((8, 8, 3), np.uint8), box, class_ids, label, np.zeros(1, bool))


def test_rare_and_difficult_classes_are_drawn_more_often():
    pool = EverydayPool([photo_of(label) for label in LABELS] + [photo_of("car")] * 80)
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    drawn = Counter(pool.draw(rng).name for _ in range(6000))
    weights = {label: RARE.get(label, 1.0) for label in LABELS}
    for label, weight in weights.items():
        fraction = (1 - BY_CLASS) * (81 if label == "car" else 1) / 100 + BY_CLASS * weight / sum(weights.values())
        assert drawn[label] / 6000 == pytest.approx(fraction, abs=0.02 if label == "car" else 0.009), label
    assert drawn["chair"] > 1.2 * drawn["cat"]
    assert Counter(pool.draw(again).name for _ in range(6000)) == drawn


def test_the_teachers_classes_are_those_of_pascal_voc(monkeypatch):
    frameworks.ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    network = DetectionModel("yolo11n.yaml", nc=80, verbose=False).eval()
    for branch in network.model[-1].cv3:
        branch[-1].bias.data = torch.linspace(-3, 3, 80)  # each class has its own score
    monkeypatch.setattr(specs, "find_weights", lambda weights: SimpleNamespace(path=Path("yolo11n.pt")))
    monkeypatch.setattr(program, "read_network", lambda path, spec: network)
    pictures = torch.rand((2, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    taught = program.teacher("cpu")(pictures)
    with torch.no_grad():
        distances, scores = with_raw_outputs(network)(pictures)
    torch.testing.assert_close(taught["distances"], distances, atol=1e-3, rtol=1e-3)
    assert taught["probabilities"].shape == (2, 20, CELLS)
    for label in ("airplane", "couch", "potted plant", "cat"):
        own = taught["probabilities"][:, LABELS.index(label)]
        torch.testing.assert_close(own, scores[:, COCO_LABELS.index(label)], atol=1e-3, rtol=1e-3)


@pytest.fixture(scope="module")
def criterion():
    """Ultralytics' loss for the everyday detector."""
    network = everyday_detector(LABELS)
    from ultralytics.utils.loss import v8DetectionLoss

    return v8DetectionLoss(network)


def undecided() -> dict:
    """Outputs of a network for one picture: each class has probability 1/2, each side is 0 to 15 cells away."""
    maps = [torch.zeros(1, 96, SIDE // stride, SIDE // stride) for stride in STRIDES]
    return {"boxes": torch.zeros(1, 64, CELLS), "scores": torch.zeros(1, 20, CELLS), "feats": maps}


def taught(probability: float, distance: float = 7.5) -> dict:
    """A teacher that predicts one object, of class 3 in cell 40."""
    probabilities = torch.zeros(1, 20, CELLS)
    probabilities[0, 3, 40] = probability
    return {"distances": torch.full((1, 4, CELLS), distance), "probabilities": probabilities}


def test_the_distillation_loss_by_hand(criterion):
    """The boxes agree, for the student's distribution has its mean at 7.5 cells."""
    crossed, distribution = 19 * CELLS * math.log(2), 0.8 * math.log(16)  # dining tables are not taught
    expected = criterion.hyp.cls * crossed + criterion.hyp.dfl * distribution
    assert float(distillation_loss(criterion, undecided(), taught(0.8))) == pytest.approx(expected, rel=1e-4)
    further = float(distillation_loss(criterion, undecided(), taught(0.8, distance=3.5)))
    assert further > expected + 0.8 * criterion.hyp.box * 0.5  # an IoU of (7 / 15)², and centres agree
    doubtful = [float(distillation_loss(criterion, undecided(), taught(0.09, distance))) for distance in (7.5, 3.5)]
    assert doubtful[0] == pytest.approx(doubtful[1]) == pytest.approx(criterion.hyp.cls * crossed, rel=1e-4)


def test_dining_tables_are_not_distilled(criterion):
    teacher = taught(0.8)
    before = float(distillation_loss(criterion, undecided(), teacher))
    teacher["probabilities"][:, LABELS.index("dining table")] = 0.9
    assert float(distillation_loss(criterion, undecided(), teacher)) == before


def test_a_student_that_equals_its_teacher_has_the_lowest_loss(criterion):
    outputs, teacher = undecided(), taught(0.8, distance=3.0)
    alike = outputs | {"scores": teacher["probabilities"].logit(1e-4).requires_grad_()}
    bins = torch.zeros(1, 4, 16, CELLS)
    bins[:, :, 3] = 20.0
    alike["boxes"] = bins.reshape(1, 64, CELLS).requires_grad_()
    loss = distillation_loss(criterion, alike, teacher)
    loss.backward()
    assert float(loss.detach()) < 0.02 * float(distillation_loss(criterion, outputs, teacher))
    assert float(alike["scores"].grad.abs().max()) < 1e-3
    assert float(alike["boxes"].grad.abs().max()) < 1e-3


class Oracle(torch.nn.Module):
    """A detector that predicts the boxes of photos in their order, except those of one class."""

    def __init__(self, photos, blind: int) -> None:
        super().__init__()
        self.weight, self.photos, self.blind = torch.nn.Parameter(torch.zeros(1)), iter(photos), blind

    def forward(self, image):
        photo = next(self.photos)
        scale = image.shape[3] / photo.pixels.shape[1]
        found = torch.zeros(1, 24, len(photo.boxes))
        corners = torch.from_numpy(photo.boxes * scale).T
        found[0, :2], found[0, 2:4] = (corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]
        for cell, class_id in enumerate(photo.class_ids):
            found[0, 4 + class_id, cell] = 0.9 if class_id != self.blind else 0.0
        return (found,)


def test_measured_boxes_are_those_of_the_photo(everyday_archives):
    photos = read_voc(everyday_archives)[1]
    figures = measured(Oracle(photos, LABELS.index("boat")), photos, 160)
    assert figures["map50"] == pytest.approx(19 / 20)
    assert figures["map50_95"] == pytest.approx(19 / 20)
    assert (figures["min_ap50"], figures["min_class"]) == (0, LABELS.index("boat"))


@pytest.fixture(scope="module")
def small_steps(pseudo_labelled):
    """The program in the working folder, with a teacher that predicts cats everywhere, and small pictures at first."""

    def planted(device: str):
        def teach(pictures) -> dict:
            assert float(pictures.min()) >= 0
            assert 0.1 < float(pictures.max()) <= 1
            cells = sum((pictures.shape[2] // stride) ** 2 for stride in STRIDES)
            probabilities = torch.zeros(len(pictures), 20, cells)
            probabilities[:, LABELS.index("cat")] = 0.6
            return {"distances": torch.full((len(pictures), 4, cells), 1.5), "probabilities": probabilities}

        return teach

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pseudo_labelled)
        patch.setattr(program, "teacher", planted)
        patch.setattr(program, "RECIPE", replace(program.RECIPE, small_side=32, rate=1.0))  # while it warms up
        yield


@pytest.fixture(scope="module")
def trained(small_steps, everyday_archives, training_options, tmp_path_factory):
    """A folder with the results of one epoch, and its history."""
    folder = tmp_path_factory.mktemp("run")
    return folder, program.train(training_options(everyday_archives, folder))


def test_an_epoch_is_trained_and_measured(trained):
    folder, history = trained
    assert [epoch["side"] for epoch in history] == [32]
    assert math.isfinite(history[0]["loss"])
    assert set(history[0]) >= {"map50", "map50_95", "min_ap50", "min_class"}
    assert 0 <= history[0]["map50_95"] <= history[0]["map50"] <= 1
    assert json.loads((folder / "history.json").read_text()) == history


def test_the_bundled_weights_have_the_published_early_stages(trained):
    from safetensors.torch import load_file

    network, published = everyday_detector(LABELS), everyday_detector(LABELS)
    network.load_state_dict(load_file(trained[0] / "bundle" / "everyday_detector.safetensors"))
    load_encoder(published.encoder)
    for own, other, same in (
        (network.encoder.conv_stem, published.encoder.conv_stem, True),
        (network.encoder.blocks[2], published.encoder.blocks[2], True),
        (network.encoder.blocks[6], published.encoder.blocks[6], False),
    ):
        pairs = zip(own.parameters(), other.parameters(), strict=True)
        assert all(torch.allclose(a, b, atol=1e-3, rtol=1e-3) for a, b in pairs) == same


def test_an_interrupted_training_continues(trained, everyday_archives, training_options):
    folder, first = trained
    history = program.train(training_options(everyday_archives, folder, epochs=2, resume=True))
    assert history[0] == first[0]
    assert len(history) == 2
    assert {"map50", "min_ap50"} <= set(history[1])
