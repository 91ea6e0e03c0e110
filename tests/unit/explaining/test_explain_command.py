"""`python -m cnn_demo explain`: files in the size of the photo's file, their figures, and the exit status."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from cnn_demo.__main__ import main
from cnn_demo.explaining import probed
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import load
from cnn_demo.models.explanation.explain import explain

PHOTOS = {sample.key: sample.path for sample in sample_photos()}
CAT = str(PHOTOS["chelsea"])


def explained(capsys, *arguments: str) -> dict:
    assert main(["explain", *arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def read_map(facts: dict) -> np.ndarray:
    return np.asarray(Image.open(facts["files"][1])) / 65535


def test_a_box_is_explained_in_pixels_of_a_large_file(tmp_path, capsys):
    with Image.open(CAT) as picture:
        larger = tuple(4 * side for side in picture.size)
        picture.resize(larger).save(tmp_path / "large.jpg", quality=95)
    photo = str(tmp_path / "large.jpg")
    assert main(["detect", photo, "--model", "everyday_detector", "--json"]) == 0
    (cat,) = json.loads(capsys.readouterr().out)["detections"]
    facts = explained(
        capsys, photo, "--task", "detect", "--model", "everyday_detector", "--class", "cat", "--out", str(tmp_path)
    )
    assert facts["target"]["box_xyxy"] == cat["box_xyxy"]
    assert facts["target"]["class"] == "cat"
    assert facts["class_score"] == pytest.approx(cat["confidence"], abs=0.01)
    assert (facts["box_iou"], facts["curves_show"]) == (None, "class_score")
    assert facts["target"]["cell"]["row"] < facts["target"]["level"]["rows"]
    assert facts["deletion"]["area"] < facts["insertion"]["area"]
    assert facts["deletion"]["score"][0] == pytest.approx(facts["insertion"]["score"][-1])
    assert {"torch", "cnn-demo"} < facts["versions"].keys()
    values = read_map(facts)
    assert values.shape == larger[::-1] == np.asarray(Image.open(facts["files"][0])).shape[:2]
    left, top, right, bottom = (round(side) for side in cat["box_xyxy"])
    assert values[top:bottom, left:right].sum() > 0.8 * values.sum() > 0
    written = json.loads((tmp_path / "large_explanation.json").read_text(encoding="utf-8"))
    assert written == {name: value for name, value in facts.items() if name != "files"} | {"photo": "large.jpg"}


def test_a_class_is_explained_where_the_network_takes_the_photo(tmp_path, capsys):
    facts = explained(
        capsys, CAT, "--task", "classify", "--class", "tabby", "--method", "grad-cam", "--out", str(tmp_path)
    )
    model, pixels = load(facts["model"]), sample_photos()[0].load().pixels
    prediction = model.predict(pixels)
    label, probability = prediction.top(facts["target"]["rank"] + 1)[-1]
    assert (label, facts["method"]) == ("tabby", "grad_cam")
    assert facts["class_score"] == pytest.approx(probability, abs=1e-4)
    values = read_map(facts)
    side = min(values.shape)
    left = (values.shape[1] - side) // 2
    inside = values[:, left : left + side]
    assert values.sum() == pytest.approx(inside.sum())  # the crop in the middle
    expected = explain(model, model.prepare(pixels), model.labels.index("tabby"), "grad_cam")
    assert np.abs(cv2.resize(expected, (side, side)) - inside).max() < 0.01
    best = explained(capsys, CAT, "--task", "classify", "--fit", "pad", "--out", str(tmp_path))
    assert best["target"]["rank"] == 0
    assert read_map(best).shape == values.shape


def test_scores_of_a_box_mean_the_same_for_every_method(tmp_path, capsys):
    common = [str(PHOTOS["astronaut"]), "--task", "detect", "--model", "everyday_detector", "--out", str(tmp_path)]
    common += ["--part", "box", "--confidence", "0.3"]
    masked = explained(capsys, *common, "--method", "d_rise", "--masks", "20")
    assert masked["layer"] is None
    assert read_map(masked).max() == 1
    by_gradients = explained(capsys, *common, "--method", "grad_cam")
    for facts in (masked, by_gradients):
        assert facts["target"]["part"] == "box"
        assert facts["class_score"] == pytest.approx(facts["target"]["confidence"], abs=1e-3)
        assert facts["box_iou"] == pytest.approx(1, abs=1e-3)
        assert facts["curves_show"] == "box_iou"
        assert facts["deletion"]["score"][0] == pytest.approx(facts["box_iou"], abs=1e-4)


def test_a_pixel_is_explained_at_its_place_in_the_file(tmp_path, capsys):
    with Image.open(CAT) as picture:
        width, height = (2 * side for side in picture.size)
        picture.resize((width, height)).save(tmp_path / "large.png")
    common = [str(tmp_path / "large.png"), "--task", "segment", "--model", "everyday_unet", "--out", str(tmp_path)]
    x, y = width // 2, height // 2
    facts = explained(capsys, *common, "--pixel", str(x), str(y))
    assert facts["target"] == {"class": "cat", "pixel_xy": [x, y], "predicted": "cat"}
    assert facts["layer"].startswith("encoder 1/")
    assert read_map(facts).shape == (height, width)
    assert explained(capsys, *common, "--pixel", "0", "0", "--class", "dog")["target"]["class"] == "dog"
    assert main(["explain", *common, "--pixel", str(width), "0"]) == 1
    assert f"in a photo of {width} × {height}" in capsys.readouterr().err


def test_class_and_box_of_a_localizer_are_explained(tmp_path, capsys):
    photo = str(PHOTOS["astronaut"])
    common = ["--task", "localize", "--model", "everyday_localizer", "--out", str(tmp_path)]
    facts = explained(capsys, photo, *common)
    assert (facts["target"]["class"], facts["target"]["part"]) == ("person", "class")
    box = explained(capsys, photo, *common, "--part", "box")
    assert box["target"]["box_xyxy"] == facts["target"]["box_xyxy"]
    assert box["class_score"] == pytest.approx(facts["class_score"])
    assert (facts["curves_show"], box["curves_show"]) == ("class_score", "box_iou")
    assert main(["explain", str(PHOTOS["flower"]), *common]) == 1
    assert "there is no object" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--task", "detect", "--index", "40"], 1, "there is no object 40 above the confidence threshold"),
        (["--task", "detect", "--class", "bus"], 1, "there is no bus above the confidence threshold"),
        (["--task", "detect", "--method", "guess"], 2, "no method 'guess' for detect: choose one of layer_cam"),
        (["--task", "detect", "--method", "score_cam"], 2, "no method 'score_cam' for detect"),
        (["--task", "detect", "--layer", "last"], 2, "no layer 'last': choose one of pyramid"),
        (["--task", "detect", "--class", "unicorn"], 2, "no class 'unicorn'"),
        (["--task", "detect", "--side", "333"], 2, "must be a multiple of 32"),
        (["--task", "detect", "--fit", "pad"], 2, "--fit has no effect with --task detect: leave it out"),
        (["--task", "detect", "--method", "d_rise", "--layer", "pyramid"], 2, "--layer has no effect with --method d_"),
        (["--task", "detect", "--method", "occlusion", "--masks", "9"], 2, "--masks has no effect with --method occl"),
        (["--task", "detect", "--masks", "9"], 2, "--masks has no effect with --method layer_cam"),
        (["--task", "classify", "--method", "occlusion", "--layer", "x"], 2, "--layer has no effect"),
        (["--task", "segment", "--model", "everyday_unet"], 2, "--pixel X Y"),
        (["--task", "localize", "--part", "box", "--class", "cat"], 2, "has no class"),
        (["--task", "classify", "--part", "box"], 2, "--part has no effect with --task classify"),
        (["--task", "classify", "--layer", "last"], 2, "no layer 'last'"),
        (["--task", "classify", "--index", "5000"], 2, "no 5000"),
        (["--task", "classify", "--index", "1", "--class", "tabby"], 2, "either --class or --index"),
        (["--task", "classify", "--model", "everyday_detector"], 2, "is for detection"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(arguments, status, message, tmp_path, capsys):
    if "detect" in arguments:
        arguments = [*arguments, "--model", "everyday_detector"]
    assert main(["explain", CAT, *arguments, "--out", str(tmp_path)]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_photo_costs_itself_only(tmp_path, capsys):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    common = ["--task", "classify", "--model", "cifar10_cnn"]
    assert main(["explain", str(empty), CAT, *common, "--out", str(tmp_path / "out")]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(str(empty))
    assert len(err.splitlines()) == 1
    assert "cat " in out
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_an_error_of_one_photo_costs_itself_only(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("CNN_DEMO_DEBUG")
    explain_box = probed.explain_prediction

    def broken(model, pixels, *arguments, **settings):
        if pixels.shape[0] == 100:
            raise ValueError("The network predicts no such box on this photo.")
        return explain_box(model, pixels, *arguments, **settings)

    with Image.open(CAT) as picture:
        picture.resize((150, 100)).save(tmp_path / "small.png")
    monkeypatch.setattr(probed, "explain_prediction", broken)
    common = ["--task", "localize", "--model", "everyday_localizer", "--class", "cat", "--out", str(tmp_path / "out")]
    assert main(["explain", str(tmp_path / "small.png"), CAT, *common]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"{tmp_path / 'small.png'}: it could not be explained (ValueError: The network predicts no")
    assert len(err.splitlines()) == 1
    assert CAT in out
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_a_folder_that_cannot_be_written_stops_it(tmp_path, capsys):
    taken = tmp_path / "file"
    taken.touch()
    assert main(["explain", CAT, "--task", "classify", "--model", "cifar10_cnn", "--out", str(taken)]) == 2
    assert capsys.readouterr().err.startswith(str(taken))


@pytest.mark.parametrize("option", [["--index", "-1"], ["--masks", "0"], ["--task", "paint"]])
def test_values_out_of_range_are_refused_at_once(option, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", CAT, "--task", "detect", "--out", str(tmp_path), *option])
    assert stopped.value.code == 2
    assert option[0] in capsys.readouterr().err
