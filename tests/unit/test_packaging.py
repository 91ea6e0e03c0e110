"""The installable package: its files, its metadata, and `serve` from a folder that is not the repository."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hatchling import build
from hatchling.builders.wheel import WheelBuilder

from cnn_demo.__main__ import main

LEFT_OUT = ("assets/screenshots/", "assets/make_", "assets/sample_sets/make_", "assets/sample_video/make_")


@pytest.fixture(scope="module")
def files(root) -> dict[str, Path]:
    """Path in the wheel -> file of the repository."""
    included = WheelBuilder(str(root)).recurse_included_files()
    return {file.distribution_path.replace(os.sep, "/"): Path(file.path) for file in included}


@pytest.fixture(scope="module")
def installed(root, files, tmp_path_factory) -> Path:
    """A folder like `site-packages` with the package in it, as links to the repository's files."""
    folder = tmp_path_factory.mktemp("site-packages")
    for name, file in files.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file if file.is_absolute() else root / file)
    before = Path.cwd()
    os.chdir(root)  # as every caller of a build backend does
    try:
        build.prepare_metadata_for_build_wheel(str(folder))
    finally:
        os.chdir(before)
    return folder


def run_installed(installed: Path, folder: Path, *arguments: str, **options) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(installed), "STREAMLIT_SERVER_HEADLESS": "true"}
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, env=environment, text=True, **options)


def test_the_wheel_has_the_app_its_pages_its_assets_and_the_package(root, files):
    tracked = subprocess.run(
        ["git", "ls-files", "app.py", "pages", "assets", "cnn_demo", "LICENSE", ".streamlit/config.toml"],
        cwd=root, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    if not tracked:
        pytest.skip("needs git and the repository")
    wanted = {name for name in tracked if not name.startswith(LEFT_OUT) and (root / name).is_file()}
    expected = {name if name.startswith("cnn_demo/") else f"cnn_demo/_app/{name}" for name in wanted}
    assert len(expected) > 300
    assert expected - files.keys() == set()
    assert {name for name in files if name.startswith("cnn_demo/_app/")} - expected == set()


def test_the_dependencies_are_those_of_requirements_txt(root, installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    required = {
        line.removeprefix("Requires-Dist: ").lower().replace("_", "-")
        for line in metadata.read_text(encoding="utf-8").splitlines()
        if line.startswith("Requires-Dist: ")
    }
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = {line.lower().replace("_", "-") for line in lines if line and not line.startswith("#")}
    assert required == pins


def test_the_installed_package_opens_its_pages(installed, tmp_path):
    program = """
from streamlit.testing.v1 import AppTest
from cnn_demo.project import ROOT, about
app = AppTest.from_file(ROOT / "app.py", default_timeout=200).run()
app.switch_page("pages/1_Convolution.py").run()
assert not app.exception and app.selectbox
print(ROOT, about().version, about().licence)
"""
    process = run_installed(installed, tmp_path, "-c", program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-2000:]
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert out.split() == [str(installed / "cnn_demo" / "_app"), project["version"], project["license"]]


def test_serve_works_from_any_folder_with_the_apps_configuration(installed, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "cnn_demo", "serve", "--no-fetch", "--address", "127.0.0.1", "--port", str(port)]
    process = run_installed(installed, tmp_path, *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert answer(f"http://127.0.0.1:{port}/_stcore/health", process) == b"ok"
        taken = run_installed(installed, tmp_path, *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = "".join(taken.communicate(timeout=120))
        assert (taken.returncode, "is not available" in said, "Traceback" in said) == (1, True, False)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, "Traceback" in said) == (0, False)
        assert "usage statistics" not in said  # which Streamlit announces without `.streamlit/config.toml`
    finally:
        process.kill()
    assert list(tmp_path.iterdir()) == []


def answer(address: str, process: subprocess.Popen) -> bytes:
    """Return the answer of a server once it has started."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5) as response:
                return response.read()
        except urllib.error.URLError:
            assert process.poll() is None, process.stdout and process.stdout.read()
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer.")


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_serve_refuses_what_is_no_port(port, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", port])
    assert ended.value.code == 2
    assert "choose a number from 1 to 65535" in capsys.readouterr().err
