import tomllib
from pathlib import Path

import pytest
import streamlit as st

from cnn_demo.ui.widgets.charts import chart_colours, slider_line

THEMES = tomllib.loads(Path(".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]


class _Context:
    def __init__(self, theme):
        self.theme = st.context.theme.__class__({"type": theme})


@pytest.mark.parametrize(("theme", "expected"), [("light", "light"), ("dark", "dark"), (None, "light")])
def test_chart_colours_are_those_of_the_visitors_theme(monkeypatch, theme, expected):
    monkeypatch.setattr(st, "context", _Context(theme))
    assert list(chart_colours()) == THEMES[expected]["chartCategoricalColors"]
    assert slider_line()["color"] == THEMES[expected]["chartCategoricalColors"][4]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_chart_colours_stand_out_from_the_background(theme):
    """WCAG requires a contrast of 3 between a chart's line and its background."""
    for colour in THEMES[theme]["chartCategoricalColors"]:
        lighter, darker = sorted((_luminance(colour), _luminance(THEMES[theme]["backgroundColor"])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3


def _luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
