"""Documents of the repository: they agree with the code, and their links lead to files that exist."""

import re
import tomllib

import pytest
import yaml
from streamlit import config

from cnn_demo import limits
from cnn_demo.turns import MAX_WAITING
from cnn_demo.ui.page.frame import APP_TITLE

DOCUMENTS = ("*.md", "docs/**/*.md", ".github/*.md", "assets/**/*.md")


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_citation_is_of_this_version(root, project):
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()  # those that the format requires
    assert citation["title"] == APP_TITLE
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["keywords"] == project["keywords"]


def test_security_states_the_limits_of_the_code(root):
    text = " ".join((root / "SECURITY.md").read_text(encoding="utf-8").split())
    uploads = {"photo": limits.PHOTO_MB, "video": limits.VIDEO_MB, "zip of photos": limits.ARCHIVE_MB}
    for upload, megabytes in (uploads | {"trained head": limits.HEAD_MB}).items():
        assert f"| {upload} | {megabytes} MB" in text
    assert f"at most {MAX_WAITING} wait" in text
    assert "two minutes after the tab was closed" in text
    assert config.get_option("server.disconnectedSessionTTL") == 120
    folders = re.findall(r"`(cnn_demo/[\w/]+)`", text)
    assert len(folders) >= 4
    assert [folder for folder in folders if not (root / folder).is_dir()] == []


def test_links_of_documents_lead_to_files(root):
    documents = sorted({path for pattern in DOCUMENTS for path in root.glob(pattern)})
    assert {"README.md", "SECURITY.md", "deployment.md"} <= {path.name for path in documents}
    broken = []
    for path in documents:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if not re.match(r"https?:|mailto:|#", target) and not (path.parent / target.partition("#")[0]).exists():
                broken.append((path.relative_to(root).as_posix(), target))
    assert broken == []


def test_forms_for_issues_are_complete(root):
    forms = [path for path in (root / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) >= 3
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= form.keys()
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert len({field["id"] for field in fields}) == len(fields) > 2
        assert all(field["attributes"]["label"] for field in fields)
        assert any(field.get("validations", {}).get("required") for field in fields)
        assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}


def test_the_workflow_runs_scripts_and_targets_that_exist(root):
    jobs = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    scripts = re.findall(r"bash (\S+)", "\n".join(commands))
    assert {".ci/run", ".ci/container"} <= set(scripts)
    assert [script for script in scripts if not (root / script).is_file()] == []
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"\bmake (\S+)", "\n".join(commands)) if f"\n{name}:" not in makefile] == []
