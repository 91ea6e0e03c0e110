"""Chart colours that follow the visitor's theme, and the configuration of every Plotly chart."""

from typing import NamedTuple

import streamlit as st

CHART_CONFIG = {"displayModeBar": False}
GREY, FAINT = "rgba(128,140,165,0.9)", "rgba(128,140,165,0.08)"  # visible on light and dark
REFERENCE_LINE = {"dash": "dash", "color": GREY}
LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


class ChartColours(NamedTuple):
    """Colours of the curves, bars and points of a chart, each as "#rrggbb"."""

    blue: str
    orange: str
    green: str
    purple: str
    amber: str


def chart_colours() -> ChartColours:
    """Return the colours that `.streamlit/config.toml` has for the visitor's theme."""
    theme = st.context.theme.type or "light"  # None outside a browser
    return ChartColours(*st.get_option(f"theme.{theme}.chartCategoricalColors"))


def slider_line() -> dict[str, str | float]:
    """Return the style of the vertical line at the value of a slider."""
    return {"color": chart_colours().amber, "width": 2, "dash": "dot"}
