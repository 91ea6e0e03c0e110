"""`python -m cnn_demo fetch`: one line for each model, an exit status, and nothing that holds up `make run`."""

import hashlib
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from local_server import CONTENT, NOWHERE, serving

from cnn_demo import environment, fetching
from cnn_demo import serving as serve_command
from cnn_demo.__main__ import main
from cnn_demo.models import find, preferred_model, usable_models
from cnn_demo.models.catalogue import recorded
from cnn_demo.models.files import downloads
from cnn_demo.models.files.weights import find_weights, keras_cache, torch_cache

CHECKSUM = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without weights of others; returns its only folder."""
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.delenv(environment.DOWNLOADS, raising=False)
    for name in ("KERAS_HOME", "TORCH_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    return tmp_path


@pytest.fixture
def published(monkeypatch):
    """A table of three models: one on a server here, one that it does not have, and one on a server that is down."""
    with serving() as server:
        rows = {
            key: replace(find("vgg16"), key=key, title=key.title(), weights=f"{key}.h5", url=url, checksum=CHECKSUM)
            for key, url in {
                "photo_net": f"{server.address}/good",
                "lost_net": f"{server.address}/missing",
                "far_net": f"{NOWHERE}/a",
                "farther_net": f"{NOWHERE}/b",
            }.items()
        }
        monkeypatch.setattr(fetching, "list_models", lambda: tuple(rows.values()))
        monkeypatch.setattr(fetching, "find", rows.__getitem__)
        monkeypatch.setattr(fetching, "_hear_signals", lambda: None)  # it is for a process of its own
        yield server


def test_a_model_is_downloaded_once_with_progress_and_one_line(published, capsys):
    assert main(["fetch", "photo_net", "photo_net"]) == 0
    out, err = capsys.readouterr()
    assert out == f"photo_net was downloaded: {find_weights('photo_net.h5').path}\n"
    assert "Photo_Net: 100% of 1.0 MB\n" in err
    assert main(["fetch", "photo_net"]) == 0
    out, err = capsys.readouterr()
    assert out == f"photo_net is here already: {find_weights('photo_net.h5').path}\n"
    assert err == ""
    assert published.requested == ["/good"]


def test_a_failed_download_is_one_line_and_the_others_continue(published, capsys, monkeypatch):
    tried = []
    download = downloads.download
    monkeypatch.setattr(
        downloads, "download", lambda spec, *given, **more: tried.append(spec.key) or download(spec, *given, **more)
    )
    assert main(["fetch", "far_net", "lost_net", "farther_net", "photo_net"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    failed = [line for line in err.splitlines() if "%" not in line]
    assert [line.partition(":")[0] for line in failed] == ["far_net", "lost_net", "farther_net"]
    assert "there is no connection" in failed[0]
    assert "the server answered 404" in failed[1]
    assert "there is no connection" in failed[2]
    assert tried == ["far_net", "lost_net", "photo_net"]  # a server that is not there is not waited for twice


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--list", "--defaults"], "--defaults has no effect with --list"),
        (["--list", "--record"], "--record has no effect with --list"),
        (["--list", "--background"], "--background has no effect with --list"),
        (["--list", "resnet50"], "leave the KEYs out"),
        (["--defaults", "--background", "--record"], "--record has no effect with --background"),
    ],
)
def test_options_without_effect_are_refused(options, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fetch", *options])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_key_lists_similar_ones(published, capsys, monkeypatch):
    assert main(["fetch", "photo_net", "nothing_like_it"]) == 2
    assert capsys.readouterr().err.endswith("`python -m cnn_demo fetch --list` names them all.\n")
    monkeypatch.undo()
    assert main(["fetch", "MobileNetV2"]) == 2
    assert re.fullmatch(
        r"There is no model 'MobileNetV2': did you mean .*\bmobilenet_v2\b.*\?\n", capsys.readouterr().err
    )
    assert published.requested == []


def test_the_exit_statuses_are_in_the_help_and_all_keys_in_the_list(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fetch", "--help"])
    assert caught.value.code == 0
    assert re.findall(r"^  (\d+)  +\w", capsys.readouterr().out, re.MULTILINE) == ["0", "1", "2", "130"]
    with pytest.raises(SystemExit) as caught:
        main(["fetch"])
    assert caught.value.code == 2
    capsys.readouterr()
    assert main(["fetch", "--list"]) == 0
    assert re.search(r"^yolo11n-seg +5.8 MB  download +instance", capsys.readouterr().out, re.MULTILINE)


def test_a_network_with_a_backbone_downloads_both():
    spec = find("caltech_localizer_mobilenet_v2")
    assert fetching._with_backbone(spec) == (find("mobilenet_v2"), spec)


def test_ctrl_c_ends_it(published, capsys, monkeypatch):
    def interrupt(*_given, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "download", interrupt)
    assert main(["fetch", "photo_net"]) == 130
    assert capsys.readouterr().err.splitlines() == ["Interrupted: nothing is left of the file that was coming."]


def test_the_defaults_are_small_and_the_pages_begin_with_them():
    specs = [find(key) for key in fetching.DEFAULTS]
    assert sum(spec.bytes for spec in specs) < 31e6
    for spec in specs:
        folder = keras_cache() if spec.task == "classification" else torch_cache()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / spec.weights).write_bytes(b"some")
        assert len(usable_models(spec.task)) > 1
        assert preferred_model(spec.task) == spec


def test_in_the_background_one_line_is_printed(published, capsys, monkeypatch):
    monkeypatch.setenv(environment.DOWNLOADS, "off")
    assert main(["fetch", "photo_net", "--background"]) == 1
    out, err = capsys.readouterr()
    assert out == (
        "Official weights of Photo_Net were not downloaded, and bundled networks are used instead: "
        "CNN_DEMO_DOWNLOADS=off.\n"
    )
    assert (err, published.requested) == ("", [])
    assert main(["fetch", "photo_net"]) == 0  # the operator's own wish
    monkeypatch.delenv(environment.DOWNLOADS)
    capsys.readouterr()
    assert main(["fetch", "photo_net", "--background"]) == 0
    assert capsys.readouterr().out == "Official weights of Photo_Net are on this machine.\n"
    assert main(["fetch", "photo_net", "far_net", "farther_net", "--background"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("Official weights of Far_Net and Farther_Net were not downloaded, and")
    assert (out.count("\n"), err) == (1, "")


def test_make_run_offline_prints_one_line_and_leaves_no_trace(root, machine, monkeypatch):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe[1] == "\t$(BIN)/python -m cnn_demo serve --port $(PORT)\n"
    assert "fetch" not in makefile.replace("--no-fetch", "")  # neither dev nor test nor cluster
    started, niceness = [], []
    with monkeypatch.context() as patch:
        process = SimpleNamespace(pid=1)
        patch.setattr(serve_command.subprocess, "Popen", lambda command, cwd: started.append(command) or process)
        patch.setattr(serve_command.psutil, "Process", lambda pid: SimpleNamespace(nice=niceness.append))
        serve_command._fetch_in_background()
    ((command,), (level,)) = started, niceness
    assert level > 0  # the server's start goes first
    offline = {
        "HTTPS_PROXY": NOWHERE,
        "HTTP_PROXY": NOWHERE,
        "HOME": str(machine),
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    own = {"KERAS_HOME": str(machine / "keras"), "TORCH_HOME": str(machine / "torch")}
    start = time.monotonic()
    done = subprocess.run(command, cwd=root, env=offline | own, capture_output=True, text=True, timeout=60)
    assert time.monotonic() - start < 60  # with the end of the background process, which the server does not wait for
    assert done.stderr == ""
    assert re.fullmatch(
        r"Official weights of MobileNetV2, YOLO11n and YOLO11n-seg were not .* connection.*\.\n", done.stdout
    )
    assert list(machine.iterdir()) == []


def test_it_starts_without_the_imports_of_the_other_commands(root):
    program = "import sys; from cnn_demo.__main__ import main; main(['fetch', 'cifar10_cnn']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120)
    line, modules = done.stdout.splitlines()
    assert line.startswith("cifar10_cnn is here already")
    assert not {"torch", "tensorflow", "supervision", "pandas", "scipy", "streamlit"} & set(modules.split())


def test_checksums_are_recorded_on_request(published, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(recorded, "TABLE", tmp_path / "recorded.csv")
    recorded.TABLE.write_text("file,sha256,bytes\n")
    assert main(["fetch", "photo_net"]) == 0
    assert recorded.recorded("photo_net.h5") is None
    assert main(["fetch", "--record", "photo_net", "lost_net"]) == 1
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert recorded.recorded("photo_net.h5") == recorded.Recorded(digest, len(CONTENT))
    assert recorded.recorded("lost_net.h5") is None
    assert f"  sha256 {digest} was recorded\n" in capsys.readouterr().out
    find_weights("photo_net.h5").path.write_bytes(b"another")
    assert main(["fetch", "--record", "photo_net"]) == 1
    assert "not the published file" in capsys.readouterr().err
    assert recorded.recorded("photo_net.h5").sha256 == digest
