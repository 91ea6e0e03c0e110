"""Files of the deployment: they parse, and agree with the app and with each other."""

import json
import re
import shlex

import pytest
import yaml

from cnn_demo.limits import SERVER_MB


@pytest.fixture(scope="module")
def dockerfile(root) -> list[list[str]]:
    """The words of each instruction."""
    text = (root / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_the_container_gets_all_that_the_app_needs(root, dockerfile):
    copied = {word for first, *words in dockerfile if first == "COPY" for word in words[:-1]}
    assert {"app.py", "pages", "assets", "cnn_demo", "pyproject.toml", "LICENSE", ".streamlit/config.toml"} <= copied
    assert [name for name in copied if not (root / name).exists()] == []
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_container_serves_as_a_user_without_rights_and_is_asked_for_its_health(dockerfile):
    kinds = [line[0] for line in dockerfile]
    user = kinds.index("USER")
    assert dockerfile[user][1] == "1000"
    assert "pip" not in str(dockerfile[user:])
    command = json.loads(" ".join(dockerfile[kinds.index("CMD")][1:]))
    assert command == ["python", "-m", "cnn_demo", "serve", "--no-fetch"]
    health = " ".join(dockerfile[kinds.index("HEALTHCHECK")])
    program = json.loads(health[health.index("CMD ") + 4 :])
    assert program[:2] == ["python", "-c"]
    compile(program[2], "HEALTHCHECK", "exec")
    assert "/_stcore/health" in program[2]


def test_the_proxy_passes_the_largest_upload_on(root):
    size = re.search(r"max_size (\d+)MiB", (root / "Caddyfile").read_text(encoding="utf-8"))
    assert SERVER_MB < int(size[1]) <= SERVER_MB + 10


def test_the_services_fit_together(root, dockerfile):
    services = yaml.safe_load((root / "compose.yaml").read_text(encoding="utf-8"))["services"]
    settings = dict(shlex.split(word)[0].split("=", 1) for line in dockerfile if line[0] == "ENV" for word in line[1:])
    port = settings["STREAMLIT_SERVER_PORT"]
    assert services["app"]["expose"] == [port]
    caddy = (root / "Caddyfile").read_text(encoding="utf-8")
    assert f"CNN_DEMO_PORT:{port}" in caddy
    assert "CNN_DEMO_APP:app}" in caddy
    mounted = [volume.split(":")[0] for volume in services["proxy"]["volumes"] if volume.startswith("./")]
    assert mounted == ["./Caddyfile"]


def test_a_machine_without_a_gpu_gets_the_same_pins(root):
    lines = (root / "requirements-cpu.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "-r requirements.txt",
    ]
