"""`python -m cnn_demo`: one prediction a line, one sentence for an unreadable photo, and the exit status."""

import json
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image

from cnn_demo import command_line
from cnn_demo.__main__ import main
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import load, preferred_model

PHOTOS = {sample.key: sample.path for sample in sample_photos()}
CAT = PHOTOS["chelsea"]


def test_a_photo_is_classified_from_a_shell(root):
    command = [sys.executable, "-m", "cnn_demo", "classify", str(CAT), "--model", "cifar10_cnn", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["photo"] == str(CAT)
    assert result["model"] == "cifar10_cnn"
    assert result["label"] == result["top"][0]["label"] == "cat"
    assert result["probability"] == result["top"][0]["probability"]


def test_json_is_one_object_a_line(capsys):
    photos = [str(sample.path) for sample in sample_photos()[:3]]
    assert main(["classify", *photos, "--json", "--top", "2", "--fit", "squash"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["photo"] for result in results] == photos
    assert all(len(result["top"]) == 2 for result in results)
    model = load(preferred_model("classification").key)
    assert {result["model"] for result in results} == {model.spec.key}
    expected = model.predict(sample_photos()[1].load().pixels, "squash").top(1)[0]
    assert results[1]["label"] == expected[0]
    assert results[1]["probability"] == pytest.approx(expected[1], abs=1e-5)


def test_text_names_the_classes(capsys):
    assert main(["classify", str(CAT), "--top", "1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(str(CAT))
    assert second.split()[-1] == "cat"


def test_unreadable_photos_get_a_message_and_the_others_a_prediction(tmp_path, capsys):
    broken = tmp_path / "notes.txt"
    broken.write_text("This is no photo.")
    assert main(["classify", str(tmp_path / "missing.jpg"), str(broken), str(CAT), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["label"].endswith("cat")
    missing, refused = err.splitlines()
    assert missing.endswith("missing.jpg: No such file or directory")
    assert refused.startswith(str(broken))
    assert "please choose a" in refused


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("out of order"), ValueError("empty")])
def test_a_photo_that_cannot_be_predicted_costs_itself_only(error, monkeypatch, capsys):
    monkeypatch.delenv("CNN_DEMO_DEBUG")
    model = load(preferred_model("classification").key)
    predict, photos = model.predict, [str(sample.path) for sample in sample_photos()[:3]]
    second = sample_photos()[1].load().pixels

    def broken(pixels, **settings):
        if pixels.shape == second.shape and (pixels == second).all():
            raise error
        return predict(pixels, **settings)

    monkeypatch.setattr(model, "predict", broken)
    assert main(["classify", *photos, "--json"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["photo"] for line in out.splitlines()] == [photos[0], photos[2]]
    assert err.startswith(f"{photos[1]}: ")
    assert len(err.splitlines()) == 1


def test_a_reader_that_has_gone_ends_it_quietly(root):
    command = [sys.executable, "-m", "cnn_demo", "fetch", "--list"]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (141, b"")


def test_ctrl_c_ends_it_quietly(monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "main", interrupted)
    assert main(["classify", str(CAT)]) == 130
    assert capsys.readouterr().err == ""


EXPORTING = """
import subprocess, sys, threading, time
from cnn_demo import __main__

def run(arguments):
    sys.argv = ["streamlit", "run"]
    threading.Thread(target=time.sleep, args=(600,)).start()
    print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    if arguments != ["serve"]:
        raise KeyboardInterrupt
    return 0

__main__._run = run
__main__.console()
"""


@pytest.mark.parametrize(("command", "status"), [("classify", 130), ("serve", 0)])
def test_nobody_waits_for_an_export_after_ctrl_c_or_the_end_of_the_server(command, status, root):
    done = subprocess.run([sys.executable, "-c", EXPORTING, command], cwd=root, capture_output=True, timeout=300)
    assert (done.returncode, done.stderr) == (status, b"")
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(timeout=60)  # it has been told to end


STARTING = """
import signal, subprocess, sys, time
from cnn_demo import __main__, serving

def fetch():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(process.pid, flush=True)
    return process

def run_module(*_, **__):
    signal.raise_signal(signal.SIGTERM)
    time.sleep(600)

serving._fetch_in_background, serving.runpy.run_module = fetch, run_module
sys.argv = ["cnn_demo", "serve"]
__main__.console()
"""


def test_a_server_that_is_ended_while_it_starts_leaves_no_download(root):
    done = subprocess.run([sys.executable, "-c", STARTING], cwd=root, capture_output=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, b"")
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(timeout=60)


@pytest.mark.parametrize("command", [[], ["classify"], ["localize"], ["detect"], ["segment"], ["explain"], ["fetch"]])
def test_the_help_tells_the_exit_statuses(command, capsys):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {status:<3d}  " in out for status in (0, 1, 2, 130))


def test_serve_has_a_help_of_its_own(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert "--port PORT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--model", "nothing"], "choose one of cifar10_cnn"), (["--device", "mps"], "no Apple GPU")],
)
def test_a_model_or_device_that_is_not_there(capsys, monkeypatch, arguments, message):
    if "mps" in arguments and sys.platform == "darwin":
        pytest.skip("this machine may have an Apple GPU")
    assert main(["classify", str(CAT), *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("choice", "model", "label"),
    [([], "everyday_localizer", "person"), (["--model", "caltech_localizer"], "caltech_localizer", "face")],
)
def test_one_object_is_localized_from_a_shell(choice, model, label, capsys):
    photos = [str(PHOTOS["astronaut"]), str(PHOTOS["flower"])]
    assert main(["localize", *photos, *choice, "--json"]) == 0
    found, nothing = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (found["photo"], found["model"], found["label"]) == (photos[0], model, label)
    assert len(found["box_xyxy"]) == 4
    assert 0 <= found["box_xyxy"][0] < found["box_xyxy"][2] <= 512
    assert found["probability"] == found["probabilities"][label] == max(found["probabilities"].values())
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert found["device"] in ("cpu", "cuda")
    assert nothing["label"] is None
    assert nothing["box_xyxy"] is None


def test_a_box_is_in_pixels_of_a_large_file(tmp_path, capsys):
    with Image.open(PHOTOS["astronaut"]) as picture:
        larger = tuple(4 * side for side in picture.size)
        picture.resize(larger).save(tmp_path / "large.jpg", quality=95)
    assert main(["localize", str(PHOTOS["astronaut"]), str(tmp_path / "large.jpg"), "--json"]) == 0
    small, large = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (large["width"], large["height"]) == larger
    assert large["label"] == small["label"]
    np.testing.assert_allclose(large["box_xyxy"], 4 * np.array(small["box_xyxy"]), rtol=0.05, atol=20)


def test_a_localization_as_text(capsys):
    assert main(["localize", str(PHOTOS["astronaut"]), str(PHOTOS["flower"])]) == 0
    first, found, second, nothing = capsys.readouterr().out.splitlines()
    assert first.startswith(str(PHOTOS["astronaut"]))
    assert "person, from (" in found
    assert second.startswith(str(PHOTOS["flower"]))
    assert nothing.strip() == "no object found"


def test_a_threshold_of_one_leaves_no_object(capsys):
    assert main(["localize", str(PHOTOS["astronaut"]), "--threshold", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] is None
    with pytest.raises(SystemExit):
        main(["localize", str(PHOTOS["astronaut"]), "--threshold", "2"])
    assert "must be from 0 to 1" in capsys.readouterr().err


def test_an_iou_threshold_is_refused_where_there_is_no_nms(capsys, monkeypatch):
    detector = SimpleNamespace(needs_nms=False)
    monkeypatch.setattr(command_line, "load", lambda key, device: detector)
    assert main(["detect", str(CAT), "--model", "yolo26n", "--iou", "0"]) == 2
    assert capsys.readouterr().err == "--iou has no effect with yolo26n, whose boxes need no NMS: leave it out.\n"


@pytest.mark.parametrize(("command", "model"), [("classify", "caltech_localizer"), ("localize", "cifar10_cnn")])
def test_a_model_for_another_task_is_refused(command, model, capsys):
    assert main([command, str(CAT), "--model", model]) == 2
    assert "choose one of" in capsys.readouterr().err
