"""The examples of the docstrings run, with the output that they show."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def test_the_examples_of_the_docstrings_are_right():
    sources = sorted(path for path in (ROOT / "cnn_demo").rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in sources]
    modules = [import_module(name) for name in names]
    with np.printoptions(formatter=None, linewidth=75, suppress=False):  # Ultralytics changes how arrays are printed
        results = [doctest.testmod(module) for module in modules]
    assert [name for name, result in zip(names, results, strict=True) if result.failed] == []
    assert sum(result.attempted for result in results) >= 30
