"""Controls and counts shared by the pages with boxes."""

from __future__ import annotations

import streamlit as st

from cnn_demo.models.detection.candidates import CONFIDENCE
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT

SURE = "detect_confidence"  # key of page 6's slider
DEFAULT = round(100 * CONFIDENCE)  # percent
MIN_SURE = 5  # percent: torchvision's detectors return nothing below


def confidence_slider(key: str = SURE) -> float:
    """Let the visitor set the confidence threshold; returns it as a fraction.

    Args:
        key: Widget key, and the name in the link.
    """
    return (
        st.slider(
            "Confidence threshold",
            MIN_SURE,
            95,
            DEFAULT,
            5,
            format="%d%%",
            key=key,
            help="Only boxes with a higher confidence are shown.",
            **LINKED_AND_PERSISTENT,
        )
        / 100
    )


def boxes_of_count(count: int) -> str:
    """Return the number of boxes in words, such as "1 box"."""
    return f"{count} box{'' if count == 1 else 'es'}"


def counted(counts: dict[str, int]) -> str:
    """Format the number of objects of each class as Markdown."""
    return " · ".join(f"**{count}** × {name}" for name, count in counts.items()) or "No objects."
