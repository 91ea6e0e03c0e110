"""The operator's variables: one sentence for each wrong value, before anything begins, and no traceback on a page."""

import os
import re
import subprocess
import sys
from inspect import unwrap

import pytest
from streamlit.testing.v1 import AppTest

from cnn_demo import environment
from cnn_demo.__main__ import main
from cnn_demo.environment import VARIABLES, is_on, setting, wrong_settings
from cnn_demo.models.cluster.settings import settings_here
from cnn_demo.models.files import downloads
from cnn_demo.models.files.weights import weight_folders
from cnn_demo.models.frameworks import thread_count

WRONG = {
    environment.BACKEND: ("typo", "local or ray"),
    environment.BATCH: ("0", "a whole number of 1 or more"),
    environment.CPUS: ("two", "a whole number of 1 or more"),
    environment.DEBUG: ("maybe", "on or off"),
    environment.DOWNLOADS: ("nver", "off, checked, a number"),
    environment.GPUS: ("-1", "a number of 0 or more"),
    environment.HALF: ("float16", "auto, on or off"),
    environment.KERAS: ("jax", "tensorflow or torch"),
    environment.PRELOAD: ("later", "on or off"),
    environment.QUEUE: ("1.5", "a whole number of 1 or more"),
    environment.REPLICAS: ("4:1", "the fewest and the most as in 1:4"),
    environment.SOURCE: ("example.org", "an address that begins with https://"),
    environment.THREADS: ("many", "a whole number of 1 or more"),
    environment.WEIGHTS: ("/nowhere", "an existing folder"),
}


def test_each_wrong_value_is_named_with_the_allowed_ones(monkeypatch):
    assert WRONG.keys() == VARIABLES.keys()
    for name in VARIABLES:
        monkeypatch.setenv(name, "  ")
    assert wrong_settings() == []
    for name, (value, _) in WRONG.items():
        monkeypatch.setenv(name, f" {value} ")
    problems = wrong_settings()
    assert len(problems) == len(WRONG)
    for problem, (name, (value, allowed)) in zip(problems, WRONG.items(), strict=True):
        assert re.fullmatch(rf"{name} must be .*{re.escape(allowed)}.*, not '{re.escape(value)}'\.", problem)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (environment.BACKEND, "local RAY"),
        (environment.DOWNLOADS, "off 0 3 on checked checked,4 4,checked"),
        (environment.GPUS, "0 0.25 1"),
        (environment.HALF, "auto on OFF"),
        (environment.KERAS, "torch tensorflow"),
        (environment.PRELOAD, "on off 0 1 False"),
        (environment.REPLICAS, "2 1:4 3:3"),
        (environment.SOURCE, "https://example.org/our-version"),
        (environment.THREADS, "1 64"),
    ],
)
def test_allowed_values_are_accepted(name, values, monkeypatch):
    for value in values.split():
        monkeypatch.setenv(name, value)
        assert setting(name) == value
    assert wrong_settings() == []


@pytest.mark.parametrize("value", ["²", "1,2", "checked,checked", "1:", ":2", "nan", "inf", "1e999"])
def test_values_that_look_like_numbers_are_refused(value, monkeypatch):
    for name in (environment.DOWNLOADS, environment.GPUS, environment.REPLICAS, environment.THREADS):
        monkeypatch.setenv(name, value)
    assert len(wrong_settings()) == 4


def test_a_name_with_a_typing_error_is_told_and_those_of_others_are_not(monkeypatch):
    monkeypatch.setenv("CNN_DEMO_BACKENDS", "ray")
    for name in ("PORT", "SERVICE_HOST", "PORT_8501_TCP", "SITE", "BROWSER", "DATA"):
        monkeypatch.setenv(f"CNN_DEMO_{name}", "x")
    assert wrong_settings() == ["There is no setting CNN_DEMO_BACKENDS: did you mean CNN_DEMO_BACKEND?"]


def test_off_is_off(monkeypatch):
    for value, expected in {"0": False, "off": False, "1": True, "": False}.items():
        monkeypatch.setenv(environment.DEBUG, value)
        assert is_on(environment.DEBUG, default=False) is expected


def test_spaces_around_the_folder_of_weights_are_no_part_of_it(monkeypatch, tmp_path):
    monkeypatch.setenv(environment.WEIGHTS, f" {tmp_path} ")
    assert wrong_settings() == []
    assert ("weights folder", tmp_path) in weight_folders()


def test_modules_refuse_what_the_check_refuses(monkeypatch):
    for name, read in {environment.THREADS: unwrap(thread_count), environment.QUEUE: settings_here}.items():
        monkeypatch.setenv(name, "some")
        with pytest.raises(ValueError, match=f"{name} must be a whole number"):
            read()
    monkeypatch.setenv(environment.DOWNLOADS, "1")
    assert downloads.max_concurrent() == 1


@pytest.mark.parametrize("command", [["serve"], ["fetch", "--list"], ["prepare"], ["classify", "photo.jpg"]])
def test_no_command_begins_with_a_wrong_value(command, monkeypatch, capsys):
    monkeypatch.setenv(environment.BACKEND, "typo")
    monkeypatch.setenv(environment.THREADS, "many")
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "CNN_DEMO_BACKEND must be local or ray, not 'typo'.",
        "CNN_DEMO_THREADS must be a whole number of 1 or more, not 'many'.",
    ]


def test_the_help_is_shown_all_the_same(monkeypatch, capsys):
    monkeypatch.setenv(environment.BACKEND, "typo")
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "--help"])
    assert stopped.value.code == 0
    assert "--port" in capsys.readouterr().out


def test_a_page_shows_the_sentence_and_no_traceback(root, monkeypatch):
    for name, (value, _) in WRONG.items():
        if name != environment.DEBUG:  # errors reach this test
            monkeypatch.setenv(name, value)
    page = AppTest.from_file(root / "app.py", default_timeout=100).run()
    assert not page.exception
    (error,) = page.error
    text = error.value.replace("\\", "")
    assert text.startswith("This server has a wrong setting. CNN_DEMO_BACKEND must be local or ray")
    assert "CNN_DEMO_THREADS" in text
    assert not any(name in text for name in (environment.DOWNLOADS, environment.SOURCE, environment.WEIGHTS))


def test_the_check_imports_no_library(root):
    program = "import sys, cnn_demo.environment; print(len({'numpy', 'cv2', 'streamlit'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
