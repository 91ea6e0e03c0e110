"""Rules of the project: allowed imports, length of files, and values that two files must agree on."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cnn_demo import limits
from cnn_demo.limits import SERVER_MB
from cnn_demo.topics import TOPICS
from cnn_demo.ui.components import home
from cnn_demo.ui.page import frame
from cnn_demo.ui.page.frame import ABOUT, HOME

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "cnn_demo").rglob("*.py"))]
FRAMEWORKS = {"torch", "torchvision", "tensorflow", "keras", "ultralytics", "segmentation_models_pytorch", "timm"}
FRAMEWORKS |= {"openvino", "triton", "jax", "ray"}
CORE = ("convolution", "images", "drawing.pictures", "machine", "models.files.weights", "lessons", "topics")
PAGES = ("convolution", "layers", "network", "pretrained", "localization", "detection", "segmentation")  # in ui/


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, *, at_import_only: bool = False) -> set[str]:
    """Dotted names of a file's imports; optionally without those inside functions."""
    found, waiting = set(), [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif at_import_only and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue  # read by type checkers, never run
        waiting += ast.iter_child_nodes(node)
    return found


def packages(path: Path, **options) -> set[str]:
    return {module.partition(".")[0] for module in imports(path, **options)}


def loaded_by(program: str) -> set[str]:
    """Top-level packages in `sys.modules` after `program` has run in a process of its own."""
    report = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program + report], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_core_loads_neither_streamlit_nor_a_framework():
    loaded = loaded_by("\n".join(f"import cnn_demo.{module}" for module in (*CORE, "lessons.convolution")))
    assert {"cnn_demo", "numpy", "cv2"} <= loaded
    assert not loaded & (FRAMEWORKS | {"streamlit", "pandas", "matplotlib", "supervision"})


def test_opening_home_and_page_1_loads_no_framework():
    program = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=200).run()
assert not app.exception and app.metric
app.switch_page("pages/1_Convolution.py").run()
assert not app.exception and app.selectbox
""".replace('"app.py"', repr(str(ROOT / "app.py")))
    loaded = loaded_by(program)
    assert {"cnn_demo", "streamlit"} <= loaded
    assert not loaded & (FRAMEWORKS | {"supervision", "matplotlib"})


def test_only_pages_and_ui_import_streamlit():
    allowed = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "cnn_demo" / "ui").rglob("*.py")]
    using = {name(path) for path in SOURCES if "streamlit" in packages(path)}
    assert using - {name(path) for path in allowed} == set()
    assert "cnn_demo/ui/page/frame.py" in using


def test_every_fragment_ends_its_runs_as_a_page_does():
    made = {name(path) for path in SOURCES if "@st.fragment" in path.read_text(encoding="utf-8")}
    assert made == set(), "use `fragment` of cnn_demo/ui/page/fragments.py"


def test_no_file_imports_a_framework_where_it_is_imported_itself():
    assert {name(path): packages(path, at_import_only=True) & FRAMEWORKS for path in SOURCES} == {
        name(path): set() for path in SOURCES
    }


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("convolution", ("images", "drawing", "models", "results", "lessons", "ui", "topics", "machine")),
        ("models", ("ui", "lessons", "drawing")),
        ("lessons", ("ui",)),
    ],
)
def test_imports_run_one_way(folder, forbidden):
    for path in (ROOT / "cnn_demo" / folder).rglob("*.py"):
        bad = [module for module in imports(path) for part in forbidden if module.startswith(f"cnn_demo.{part}")]
        assert not bad, name(path)


def test_nothing_but_pages_and_ui_and_the_server_imports_ui():
    for path in SOURCES:
        if name(path).startswith(("app.py", "pages/", "cnn_demo/ui/", "cnn_demo/serving.py")):
            continue
        assert not [module for module in imports(path) if module.startswith("cnn_demo.ui")], name(path)


def test_no_two_files_import_each_other():
    files = SOURCES + sorted((ROOT / "training").rglob("*.py"))
    modules = {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}
    known = {module: imports(path) & modules.keys() for module, path in modules.items()}
    assert len(known["cnn_demo.models"]) > 5
    both = ((one, other) for one, others in known.items() for other in others - {one} if one in known[other])
    pairs = {tuple(sorted(pair)) for pair in both}
    # The door of `models` imports a row's adapter when it is loaded, and adapters may use the door.
    assert sorted(pair for pair in pairs if "cnn_demo.models" not in pair) == []


def test_no_page_imports_another_page():
    bad = []
    for page in PAGES:
        others = tuple(f"cnn_demo.ui.{other}" for other in PAGES if other != page)
        for path in sorted((ROOT / "cnn_demo" / "ui" / page).rglob("*.py")):
            bad += [(name(path), module) for module in imports(path) if module.startswith(others)]
    assert bad == []


def test_shared_modules_import_no_page():
    own = tuple(f"cnn_demo.ui.{page}" for page in PAGES)
    for folder in ("components", "page", "widgets"):
        for path in sorted((ROOT / "cnn_demo" / "ui" / folder).rglob("*.py")):
            assert not [module for module in imports(path) if module.startswith(own)], name(path)


def test_files_stay_short_enough_to_read():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    most = {path: 120 if name(path).startswith(("app.py", "pages/")) else 300 for path in SOURCES}
    assert {name(path): lines[path] for path in SOURCES if lines[path] > most[path]} == {}


def test_every_module_has_a_docstring():
    assert [name(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    ("file", "fewest"),
    [
        ("requirements.txt", 20),
        ("requirements-dev.txt", 10),
        ("requirements-docs.txt", 2),
        ("requirements-scale.txt", 1),
    ],
)
def test_requirements_are_exact_pins(file, fewest):
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    pins = [line for line in lines if line and line != "-r requirements.txt"]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9_.-]+(\[\w+\])?==[0-9][0-9A-Za-z.]*", line)] == []
    packages = [line.partition("==")[0].lower().replace("_", "-") for line in pins]
    assert len(packages) == len(set(packages)) >= fewest


def test_opencv_comes_without_a_desktop():
    """`ultralytics` and `opencv-python` need libGL, which servers do not have."""
    names = [line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    assert {"ultralytics-opencv-headless", "opencv-python-headless"} <= set(names)
    assert not {"ultralytics", "opencv-python", "opencv-contrib-python"} & set(names)


def test_the_servers_configuration():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == SERVER_MB
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"


def test_uploads_stay_in_memory():
    assert frame.MultiPartParser.spool_max_size >= SERVER_MB * 2**20


def test_every_uploader_has_its_limit_from_the_table():
    calls = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("file_uploader"):
                limits_given = [ast.unparse(each.value) for each in node.keywords if each.arg == "max_upload_size"]
                calls.append((name(path), *limits_given))
    assert len(calls) >= 5
    sizes = {constant for constant in vars(limits) if constant.endswith("_MB")}
    assert [call for call in calls if len(call) != 2 or call[1] not in sizes] == []
    assert all(0 < getattr(limits, size) <= SERVER_MB for size in sizes)


def test_the_licence_is_the_one_that_the_project_names():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in text
    assert "Version 3, 19 November 2007" in text
    assert "Remote Network Interaction" in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"].startswith("AGPL-3.0")


def test_pages_are_the_topics_and_no_others():
    assert {name(path) for path in (ROOT / "pages").glob("*.py")} == {HOME, ABOUT, *(topic.page for topic in TOPICS)}


def test_every_component_has_its_three_files():
    stems = [stem for path in SOURCES for stem in re.findall(r'declare\("(\w+)"\)', path.read_text(encoding="utf-8"))]
    assert len(stems) > 5
    files = [home(stem) / f"{stem}.{kind}" for stem in stems for kind in ("html", "css", "js")]
    assert [file.name for file in files if not file.is_file() or not file.stat().st_size] == []
