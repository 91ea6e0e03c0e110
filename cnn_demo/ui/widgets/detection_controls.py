"""Controls and counts shared by the pages with boxes."""

from __future__ import annotations

import streamlit as st

from cnn_demo.models.detection.candidates import CONFIDENCE
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT

SURE = "detect_confidence"  # key of page 6's slider
MIN_SURE = 5  # percent: torchvision's detectors return nothing below


def confidence_slider(own: float = CONFIDENCE, key: str = SURE) -> float:
    """Let the visitor set the confidence threshold; returns it as a fraction.

    Args:
        own: Default threshold of the model, for which None in the session state stands.
        key: Widget key, and the name in the link.
    """
    percents = round(100 * own)
    if key in st.session_state and st.session_state[key] is None:
        st.session_state[key] = percents
    return (
        st.slider(
            "Confidence threshold",
            MIN_SURE,
            95,
            percents,
            5,
            format="%d%%",
            key=key,
            help=(
                "Only boxes with a higher confidence are shown. Published models begin at 25%, as in Ultralytics, "
                "bundled ones at the threshold in their model card."
            ),
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
