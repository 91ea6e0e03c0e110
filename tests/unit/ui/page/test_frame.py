"""The style of all pages names controls that exist."""

import re
from importlib import import_module
from pathlib import Path

from cnn_demo.ui.page import frame

PAGES = ("network", "pretrained", "localization", "detection", "segmentation")


def test_controls_that_come_first_on_a_phone_are_controls_of_a_page():
    css = Path(frame.__file__).with_name("frame.css").read_text(encoding="utf-8")
    rule = re.search(r":is\(([^()]*)\) \{ order: -1; \}", css)[1]
    known = {key for page in PAGES for key in import_module(f"cnn_demo.ui.{page}.workbench").DEFAULTS}
    first = re.findall(r"\.st-key-(\w+)", rule)
    assert len(first) > 5
    assert set(first) <= known
