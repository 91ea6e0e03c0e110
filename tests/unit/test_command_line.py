"""`python -m cnn_demo`: one answer a line, one sentence for what cannot be read, and an exit status that says so."""

import json
import subprocess
import sys

import pytest

from cnn_demo.__main__ import main
from cnn_demo.models import load
from cnn_demo.samples import sample_photos

CAT = next(sample.path for sample in sample_photos() if sample.key == "chelsea")


def test_it_answers_from_a_shell(root):
    command = [sys.executable, "-m", "cnn_demo", "classify", str(CAT), "--model", "cifar10_cnn", "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert answer["photo"] == str(CAT)
    assert answer["model"] == "cifar10_cnn"
    assert answer["label"] == answer["top"][0]["label"] == "cat"
    assert answer["probability"] == answer["top"][0]["probability"]


def test_json_is_one_object_a_line(capsys):
    photos = [str(sample.path) for sample in sample_photos()[:3]]
    assert main(["classify", *photos, "--json", "--top", "2", "--fit", "squash"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["photo"] for answer in answers] == photos
    assert all(len(answer["top"]) == 2 for answer in answers)
    model = load("cifar10_cnn")
    expected = model.predict(sample_photos()[1].load().pixels, "squash").top(1)[0]
    assert answers[1]["label"] == expected[0]
    assert answers[1]["probability"] == pytest.approx(expected[1], abs=1e-5)


def test_text_names_the_classes(capsys):
    assert main(["classify", str(CAT), "--top", "1"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(str(CAT))
    assert second.split()[-1] == "cat"


def test_what_cannot_be_read_is_said_and_the_rest_is_answered(tmp_path, capsys):
    broken = tmp_path / "notes.txt"
    broken.write_text("This is no photo.")
    assert main(["classify", str(tmp_path / "missing.jpg"), str(broken), str(CAT), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["label"] == "cat"
    missing, refused = err.splitlines()
    assert missing.endswith("missing.jpg: No such file or directory")
    assert refused.startswith(str(broken))
    assert "please choose a JPEG" in refused


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--model", "nothing"], "choose one of cifar10_cnn"), (["--device", "mps"], "no Apple GPU")],
)
def test_a_model_or_device_that_is_not_there(capsys, monkeypatch, arguments, says):
    if "mps" in arguments and sys.platform == "darwin":
        pytest.skip("this machine may have an Apple GPU")
    assert main(["classify", str(CAT), *arguments]) == 2
    assert says in capsys.readouterr().err
