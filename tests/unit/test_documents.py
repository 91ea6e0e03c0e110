"""Documents of the repository: they agree with the code, and their links lead to files that exist."""

import inspect
import re
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from streamlit import config

from cnn_demo import limits
from cnn_demo.images import covering
from cnn_demo.images.samples import sample_photos
from cnn_demo.lessons import Lesson
from cnn_demo.models.detection import error_kinds, tiled
from cnn_demo.models.explanation import (
    channel_ablation,
    contrast,
    curves,
    masking,
    parts,
    perturbation,
    smallest_patch,
    target_curves,
)
from cnn_demo.models.explanation.attribution import integrated_gradients
from cnn_demo.models.explanation.explain import METHODS
from cnn_demo.models.explanation.one_prediction import TARGET_METHODS
from cnn_demo.models.robustness import adversarial, survival
from cnn_demo.topics import TOPICS
from cnn_demo.turns import MAX_WAITING
from cnn_demo.ui.layers.settings import VIEWS as LAYER_VIEWS
from cnn_demo.ui.page.experiments import link_name
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


def default(function: Callable, parameter: str) -> object:
    return inspect.signature(function).parameters[parameter].default


def test_make_bench_runs_every_program_of_the_speed_table(root):
    table = re.search(r"## Speed\n(.*?)\n## ", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    named = set(re.findall(r"`(benchmarks/\w+\.py)`", table[1]))
    target = re.search(r"^bench: .*\n((?:\t.*\n)+)", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    run = re.findall(r"/python (\S+)", target[1])
    assert len(run) == len(set(run))
    assert named <= set(run)
    assert all((root / program).is_file() for program in run)


def test_every_guide_is_in_the_navigation_of_the_site(root):
    site = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [page for entry in site["nav"] for page in entry.values()]
    assert sorted(pages) == sorted(path.name for path in (root / "docs").glob("*.md"))


def test_explanations_are_described_with_the_values_of_the_code(root):
    text = " ".join((root / "docs" / "explanations.md").read_text(encoding="utf-8").split())
    for method in (METHODS | TARGET_METHODS).values():
        assert method.title in text
        assert method.paper in text
    for statement in (
        f"the {default(perturbation.score_cam, 'channels')} channels with the largest mean",
        f"n = {default(integrated_gradients, 'steps')}$ intervals",
        rf"\gamma = {default(contrast.contrast, 'strength')}$",
        f"{smallest_patch.CELLS} cells along the shorter side are covered, from 1 cell to {smallest_patch.LARGEST}",
        f"has {masking.CELLS} cells along the shorter side, each kept with a probability of {masking.KEPT}",
        f"shifted by up to a cell; {masking.MASKS} are used",
        f"a box have {target_curves.STEPS} steps",
        f"{default(curves.random_importance, 'cells')} × {default(curves.random_importance, 'cells')} values",
    ):
        assert statement in text


def test_experiments_are_described_with_the_values_of_the_code(root):
    guide = (root / "docs" / "experiments.md").read_text(encoding="utf-8")
    text = " ".join(guide.split())
    for statement in (
        f"the fill: grey {covering.GREY};",
        f"standard deviation of {covering.BLUR_SIGMA:.0%} of the longer side",
        f"factor from 0 (off) to {channel_ablation.LARGEST_SCALE:g}",
        f"up to $n = {adversarial.STEPS}$ smaller steps",
        f"by more than {adversarial.CLEAR:g} in logits",
        f"from 1 to {adversarial.LARGEST} at most",
        f"{survival.DRAWS} random noises",
        f"{parts.FEWEST} to {parts.MOST} parts",
        f"more than a threshold, {tiled.THRESHOLD:g} unless you change it",
        f"within {tiled.AT_EDGE:.0%} of a tile's side",
        f"$f = {error_kinds.FOREGROUND:g}$ and $g = {error_kinds.BACKGROUND:g}$",
    ):
        assert statement in text
    kinds = re.search(r"\| kind \| condition \|\n.*\n((?:\|.*\n)+)", guide)
    assert {*re.findall(r"^\| (\w+)", kinds[1], re.MULTILINE), "missed"} == set(error_kinds.KINDS)


def lesson_of(number: int) -> Lesson:
    names = ("convolution", "layers", "networks", "pretrained", "localization", "detection", "segmentation")
    return import_module(f"cnn_demo.lessons.{names[number - 1]}").LESSON


def views_of(number: int) -> tuple[str, tuple[str, ...]]:
    """The parameter of a page's tabs in the link, and their names."""
    if number == 2:
        return "tab", LAYER_VIEWS
    folders = ("convolution", "", "network", "pretrained", "localization", "detection", "segmentation")
    workbench: SimpleNamespace = import_module(f"cnn_demo.ui.{folders[number - 1]}.workbench")
    return "view" if number in (1, 3) else "task", tuple(workbench.VIEWS)


def test_the_links_of_the_lesson_plan_open_what_they_name(root):
    topics = {Path(topic.page).stem.partition("_")[2]: topic.number for topic in TOPICS}
    photos = {photo.key for photo in sample_photos()}
    plan = (root / "docs" / "lesson-plan.md").read_text(encoding="utf-8")
    links = re.findall(r"\[([^\]]+)\]\(http://localhost:8501/([^)]*)\)", plan)
    assert {urlsplit(link).path for _, link in links} == set(topics)
    for label, link in links:
        number = topics[urlsplit(link).path]
        parameter, views = views_of(number)
        experiments = {link_name(each): each.title for each in lesson_of(number).experiments}
        for name, value in parse_qsl(urlsplit(link).query, strict_parsing=True):
            match name:
                case "try":
                    assert experiments[value] == label
                case "photo":
                    assert value in photos
                case _:
                    assert (name, label) == (parameter, value)
                    assert value in views


def test_the_lesson_takes_ninety_minutes(root):
    plan = (root / "docs" / "lesson-plan.md").read_text(encoding="utf-8")
    parts = re.findall(r"^## (\d+)–(\d+) · .*\n((?:(?!## ).*\n)*)", plan, re.MULTILINE)
    times = [(int(begin), int(end)) for begin, end, _ in parts]
    assert [begin for begin, _ in times] == [0, *(end for _, end in times[:-1])]
    assert times[-1][1] == 90
    for begin, end, text in parts[:-1]:
        assert sum(map(int, re.findall(r"^\| (\d+) \|", text, re.MULTILINE))) == int(end) - int(begin)
