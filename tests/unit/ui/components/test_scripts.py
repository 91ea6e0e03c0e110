"""Scripts of the components, as the browser gets them. The stories of tests/browser run them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cnn_demo.ui.components import gallery, home, script

FOLDER = Path(__file__).parents[4] / "cnn_demo" / "ui" / "components"
NAMES = sorted(path.stem for path in FOLDER.rglob("*.html"))
FUNCTION = r"^(?:export )?(?:default )?(?:async )?function (\w+)?\(([^)]*)\)"


def test_a_script_is_one_module_with_the_helpers_that_it_imports():
    for name in NAMES:
        text = script(name)
        assert not re.search(r"^import ", text, re.MULTILINE)
        assert len(re.findall(r"^export default ", text, re.MULTILINE)) == 1
        imported = re.search(r'from "\.{1,2}/shared\.js"', (home(name) / f"{name}.js").read_text())
        assert text.count("function clamp(") == (imported is not None)


def test_every_function_documents_the_types_of_its_parameters():
    missing = []
    for path in sorted(FOLDER.rglob("*.js")):
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(FUNCTION, text, re.MULTILINE):
            before = text[: found.start()].rstrip()
            comment = before[before.rfind("/**") :] if before.endswith("*/") else ""
            if found[2] and "@param {" not in comment:
                missing.append(f"{path.name}: {found[1] or 'default'}")
    assert missing == []


@pytest.mark.skipif(shutil.which("node") is None, reason="node checks the syntax")
def test_scripts_are_valid_modules(tmp_path):
    """A helper and a function of the component by one name would be a syntax error."""
    for name in NAMES:
        (tmp_path / f"{name}.mjs").write_text(script(name), encoding="utf-8")
        subprocess.run(["node", "--check", f"{name}.mjs"], cwd=tmp_path, check=True, capture_output=True, text=True)


def test_the_gallery_reserves_the_height_of_its_pictures():
    """What follows would move down when they come."""
    css = (FOLDER / "gallery.css").read_text(encoding="utf-8")
    padding = int(re.search(r"^\.gallery \{[^}]*\bpadding: (\d+)px", css, re.MULTILINE)[1])
    picture = int(re.search(r"^button img \{[^}]*\bheight: (\d+)px", css, re.MULTILINE)[1])
    assert picture + 2 * padding == gallery.HEIGHT
