"""Pages 5, 6 and 7 name classes in plain English, not as the files of Pascal VOC do."""

import re
from importlib import import_module

import pytest
from driver import open_view

from cnn_demo.images import sample_photos

COFFEE = next(sample for sample in sample_photos() if sample.key == "coffee").load()
TABS = [
    (folder, tab)
    for folder in ("localization", "detection", "segmentation")
    for tab in import_module(f"cnn_demo.ui.{folder}.workbench").VIEWS
    if tab != "Video"  # begins without a video
]
NAMING = ("Localize", "Draw the ground truth", "Without a box head", "Detect", "Evaluate", "Segment", "Confidence")
LOW = {"sure": "0", "detect_confidence": "10", "true_class": "dining table"}  # so that the table is named
VOC_NAMES = re.compile("aeroplane|diningtable|motorbike|pottedplant|tvmonitor", re.I)


def everything(app) -> str:
    """All that is sent to the browser, hidden choices and descriptions of pictures as well."""
    return "\n".join(str(element.proto) for element in app._tree if hasattr(element, "proto"))


@pytest.mark.parametrize(("folder", "tab"), TABS, ids=str)
def test_no_tab_shows_the_names_of_pascal_voc(folder, tab):
    sent = everything(open_view(folder, tab, COFFEE, link=LOW))
    assert not (found := VOC_NAMES.search(sent)), sent[max(0, found.start() - 100) : found.end() + 100]
    if tab in NAMING:
        assert "dining table" in sent
