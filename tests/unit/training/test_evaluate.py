"""The table of all figures: every bundled model is in it, and one that cannot be measured here does not end it."""

from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv

from cnn_demo.models import ModelUnavailable, list_models
from training import evaluate, evaluate_thresholds
from training.data.everyday import LABELS, main_object, read_voc

KEYS = {spec.key for spec in list_models()} & set(evaluate.EVALUATIONS)  # a training may be there before its weights


def test_every_bundled_model_is_measured():
    bundled = {spec.key for spec in list_models() if spec.card() is not None}
    assert bundled == set(evaluate.EVALUATIONS)


def test_a_model_without_a_row_is_no_choice(monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "EVALUATIONS", evaluate.EVALUATIONS | {"tomorrows_network": None})
    monkeypatch.setattr("sys.argv", ["evaluate", "--model", "tomorrows_network"])
    with pytest.raises(SystemExit):
        evaluate.main()
    assert "invalid choice: 'tomorrows_network'" in capsys.readouterr().err


class Oracle:
    """A detector that finds all objects of a photo but boats, and each difficult one twice, surest of all."""

    spec = SimpleNamespace(labels=LABELS)

    def __init__(self, photos) -> None:
        self.photos = photos

    def wait_for_export(self) -> None:
        pass

    def candidates(self, pixels, several_classes):
        photo = next(photo for photo in self.photos if np.array_equal(photo.pixels, pixels))
        seen = np.flatnonzero(photo.class_ids != LABELS.index("boat"))
        seen = np.concatenate([np.flatnonzero(photo.difficult), seen])
        confidence = np.where(photo.difficult[seen], 0.9, 0.8)
        return sv.Detections(photo.boxes[seen].astype(float), None, confidence, photo.class_ids[seen])


def test_thresholds_count_boxes_and_photos_of_nothing(everyday_archives, monkeypatch):
    """The oracle's boxes have a confidence of 0.8, and it finds no boat; difficult boxes do not count."""
    photos = read_voc(everyday_archives)[1]
    nothing = np.zeros((8, 8, 3), np.uint8)

    class Sure(Oracle):
        def candidates(self, pixels):
            if np.array_equal(pixels, nothing):
                return sv.Detections(np.array([[0.0, 0, 4, 4]]), None, np.array([0.4]), np.array([3]))
            return super().candidates(pixels, several_classes=True)

    monkeypatch.setattr(
        evaluate_thresholds, "select", lambda found, confidence, iou: SimpleNamespace(detections=lambda: found)
    )
    rows = evaluate_thresholds.threshold_table(Sure(photos), photos, [nothing])
    counted = np.concatenate([photo.class_ids[~photo.difficult] for photo in photos])
    recall = (counted != LABELS.index("boat")).mean()
    for threshold, precision, found, f1, false in rows:
        assert (precision, found) == (1, pytest.approx(recall))
        assert f1 == pytest.approx(2 * recall / (1 + recall))
        assert false == (threshold < 0.4)


def test_difficult_boxes_of_pascal_voc_do_not_count(everyday_archives, monkeypatch):
    monkeypatch.setattr(evaluate, "load_detector", lambda key, device: Oracle(read_voc(everyday_archives)[1]))
    monkeypatch.setattr(evaluate, "select", lambda found, confidence, iou: SimpleNamespace(detections=lambda: found))
    figures = evaluate.evaluate_everyday_detector(everyday_archives)
    assert figures[:3] == [
        ("mAP50", "0.9500", "2 validation photos"),
        ("mAP50-95", "0.9500", "2 validation photos"),
        ("smallest AP50 of a class", "0.000", "boat"),
    ]
    assert ("AP50 on sheep", "1.000", "1 of them") in figures
    assert len(figures) == 23


class OneOracle:
    """A localizer that finds the main object, but classifies each person as a dog, and nothing as a cat."""

    spec = SimpleNamespace(labels=LABELS)

    def __init__(self, photos) -> None:
        self.photos = photos

    def evidence(self, pixels):
        photo = next(photo for photo in self.photos if np.array_equal(photo.pixels, pixels))
        label, box = main_object(photo.boxes, photo.class_ids)
        name = "dog" if LABELS[label] == "person" else LABELS[label]
        logits = np.eye(len(LABELS) + 1)[LABELS.index(name)]
        return SimpleNamespace(box_xyxy=box, logits=logits, localization=SimpleNamespace(label=name))

    def predict(self, pixels):
        return SimpleNamespace(label="cat" if pixels.mean() < 70 else None)


def test_the_main_object_is_measured_and_boxes_on_nothing(everyday_archives, monkeypatch):
    monkeypatch.setattr(evaluate, "load_localizer", lambda key: OneOracle(read_voc(everyday_archives)[1]))
    nothing = [np.full((8, 8, 3), level, np.uint8) for level in (50, 90, 100, 110)]
    monkeypatch.setattr(evaluate, "read_nothing", lambda folder: ([], nothing))
    figures = {name: (value, here) for name, value, here in evaluate.evaluate_everyday_localizer(everyday_archives)}
    assert figures["class accuracy; no box counts as wrong"] == ("0.5000", "2 photos")
    assert figures["mean IoU"] == ("1.0000", "2 photos")
    assert figures["false boxes"][0] == "0.2500"
    assert figures["class accuracy on person"] == ("0.000", "1 of them")
    assert "class accuracy on sheep" not in figures  # it is on a photo, but never the main object


def test_an_unavailable_model_has_its_line(monkeypatch, capsys, tmp_path):
    def missing(folder):
        raise ModelUnavailable("The weights of “MobileNetV2” are not on this machine.")

    figures = {key: lambda folder: [("accuracy", "0.5000", "2 photos")] for key in evaluate.EVALUATIONS}
    monkeypatch.setattr(evaluate, "EVALUATIONS", figures | {"caltech_localizer_mobilenet_v2": missing})
    monkeypatch.setattr("sys.argv", ["evaluate", "--data", str(tmp_path)])
    evaluate.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(KEYS)
    assert sum("0.5000 | 2 photos" in line for line in lines) == len(KEYS) - 1
    (line,) = (line for line in lines if "caltech_localizer_mobilenet_v2" in line)
    assert "not measured" in line
    assert "“MobileNetV2” are not on this machine." in line
