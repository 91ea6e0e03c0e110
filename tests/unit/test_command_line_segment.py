"""`python -m cnn_demo segment`: every pixel or every object, and the files that go with it."""

import json

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from cnn_demo import command_line, commands
from cnn_demo.__main__ import main
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import ModelUnavailable, find
from cnn_demo.models.segmentation.segmenters import PhotoTooLong
from cnn_demo.results import Segmentation

CAT = next(sample.path for sample in sample_photos() if sample.key == "chelsea")


class Pixels:
    """A semantic segmenter that predicts a cat in the left half."""

    def predict(self, pixels, mode, side):
        self.arguments = {"mode": mode, "side": side}
        labels = find("lraspp_mobilenet_v3_large").labels
        class_map = np.zeros(pixels.shape[:2], np.uint8)
        class_map[:, : pixels.shape[1] // 2] = labels.index("cat")
        return Segmentation(class_map, labels, np.full(class_map.shape, 0.75, np.float32), milliseconds=3)


class Objects:
    """An instance segmenter that predicts one cat."""

    def predict(self, pixels, confidence, iou, classes, max_detections, side):
        self.arguments = {"confidence": confidence, "classes": classes, "side": side}
        mask = np.zeros((1, *pixels.shape[:2]), bool)
        mask[0, 10:50, 20:80] = True
        return sv.Detections(
            np.array([[20, 10, 80, 50]], np.float32),
            mask=mask,
            confidence=np.array([0.9], np.float32),
            class_id=np.array([15]),
            data={"class_name": np.array(["cat"])},
            metadata={"milliseconds": 4.0, "device": "cpu", "engine": "torch"},
        )


@pytest.fixture
def models(monkeypatch):
    loaded = {"lraspp_mobilenet_v3_large": Pixels(), "yolov8n-seg": Objects()}
    monkeypatch.setattr(command_line, "load", lambda key, device: loaded[key])
    return loaded


def test_every_pixel_with_files(models, tmp_path, capsys):
    arguments = ["segment", str(CAT), "--model", "lraspp_mobilenet_v3_large", "--out", str(tmp_path / "out"), "--json"]
    assert main([*arguments, "--mode", "tiled", "--side", "360"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert models["lraspp_mobilenet_v3_large"].arguments == {"mode": "tiled", "side": 360}
    assert result["coverage"]["cat"]["share"] == pytest.approx(0.5, abs=0.01)
    assert result["model"] == "lraspp_mobilenet_v3_large"
    assert result["milliseconds"] == 3
    assert len(result["files"]) == 5
    with Image.open(tmp_path / "out" / f"{CAT.stem}_mask.png") as picture:
        assert picture.size == (result["width"], result["height"])


def test_every_object_as_text(models, tmp_path, capsys):
    assert main(["segment", str(CAT), "--model", "yolov8n-seg", "--out", str(tmp_path), "--confidence", "0.4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert models["yolov8n-seg"].arguments == {"confidence": 0.4, "classes": None, "side": None}
    assert "cat, from (20, 10) to (80, 50)" in lines[1]
    assert {line.strip() for line in lines[2:]} == {str(path) for path in tmp_path.iterdir()}
    dataset = json.loads((tmp_path / f"{CAT.stem}_coco.json").read_text())
    assert dataset["annotations"][0]["area"] == 40 * 60


def test_objects_as_json_count_their_pixels_and_write_no_files(models, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["segment", str(CAT), "--model", "yolov8n-seg", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["detections"][0]["pixels"] == 2400
    assert result["counts"] == {"cat": 1}
    assert "files" not in result
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("model", "option"),
    [
        ("lraspp_mobilenet_v3_large", ["--confidence", "0"]),
        ("lraspp_mobilenet_v3_large", ["--iou", "0.7"]),
        ("lraspp_mobilenet_v3_large", ["--classes", "cat"]),
        ("lraspp_mobilenet_v3_large", ["--max-detections", "3"]),
        ("yolov8n-seg", ["--mode", "whole"]),
    ],
)
def test_options_of_the_other_task_are_refused(model, option, models, capsys):
    assert main(["segment", str(CAT), "--model", model, *option]) == 2
    task = "instance" if model == "yolov8n-seg" else "semantic"
    expected = f"{option[0]} has no effect with {model}, a model of {task} segmentation: leave it out.\n"
    assert capsys.readouterr() == ("", expected)


def test_a_folder_that_cannot_be_created_gets_a_message(models, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["segment", str(CAT), "--model", "yolov8n-seg", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_other_models_are_refused_and_missing_weights_get_a_message(capsys, monkeypatch):
    assert main(["segment", str(CAT), "--model", "cifar10_cnn"]) == 2
    assert "choose one of" in capsys.readouterr().err

    def nothing(task):
        raise ModelUnavailable(f"No network for {task}.")

    monkeypatch.setattr(command_line, "preferred_model", nothing)
    assert main(["segment", str(CAT)]) == 2
    assert capsys.readouterr().err == "No network for instance-segmentation.\n"
    monkeypatch.setattr(
        command_line, "preferred_model", lambda task: find("yolov8n-seg") if "inst" in task else nothing(task)
    )
    assert command_line.preferred(commands.SEGMENTATION).key == "yolov8n-seg"


def test_objects_are_in_pixels_of_a_large_file(models, tmp_path, capsys):
    path = tmp_path / "large.png"
    Image.new("RGB", (2560, 1280), "white").save(path)
    assert main(["segment", str(path), "--model", "yolov8n-seg", "--json", "--out", str(tmp_path / "out")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["width"], record["height"]) == (2560, 1280)
    assert record["detections"][0]["box_xyxy"] == [40, 20, 160, 100]
    assert record["detections"][0]["pixels"] == pytest.approx(4 * 2400, rel=0.01)
    with Image.open(tmp_path / "out" / "large_mask.png") as mask:
        assert mask.size == (2560, 1280)


def test_photos_of_one_name_keep_their_files(models, tmp_path, capsys):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (200, 100), "white").save(tmp_path / folder / "IMG_1.png")
    photos = [str(tmp_path / folder / "IMG_1.png") for folder in ("a", "b")]
    assert main(["segment", *photos, "--model", "yolov8n-seg", "--json", "--out", str(tmp_path / "out")]) == 0
    files = [file for line in capsys.readouterr().out.splitlines() for file in json.loads(line)["files"]]
    assert len(set(files)) == len(list((tmp_path / "out").iterdir())) == 10


def test_a_photo_that_is_too_narrow_is_skipped(models, tmp_path, capsys, monkeypatch):
    narrow = tmp_path / "narrow.png"
    Image.new("RGB", (1280, 20), "white").save(narrow)
    predict = Pixels.predict

    def refuse(self, pixels, mode, side):
        if min(pixels.shape[:2]) < 30:
            raise PhotoTooLong("Choose a smaller image size.")
        return predict(self, pixels, mode, side)

    monkeypatch.setattr(Pixels, "predict", refuse)
    arguments = ["segment", str(CAT), str(narrow), str(CAT), "--model", "lraspp_mobilenet_v3_large", "--json"]
    assert main([*arguments, "--side", "960"]) == 1
    written = capsys.readouterr()
    assert len(written.out.splitlines()) == 2
    assert written.err == f"{narrow}: Choose a smaller image size.\n"


@pytest.mark.parametrize("arguments", [["classify", "--top", "-3"], ["segment", "--side", "99999968"]])
def test_settings_out_of_range_get_one_sentence(arguments, capsys):
    command, *options = arguments
    with pytest.raises(SystemExit) as end:
        main([command, str(CAT), *options])
    assert end.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"not {options[1]}")


def test_text_needs_no_map_at_the_size_of_the_file(models, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(commands, "file_class_map", None)  # it takes seconds for a photo of a phone with many classes
    Image.new("RGB", (2600, 1300)).save(tmp_path / "wide.jpg")
    assert main(["segment", str(tmp_path / "wide.jpg"), "--model", "lraspp_mobilenet_v3_large"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["   50.0%  background", "   50.0%  cat"]
