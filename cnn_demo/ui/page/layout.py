"""The layout of a tab: a narrow panel of controls beside the picture that they change."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def controls_picture_and_details(key: str, lead: str = "") -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Return three containers: a panel of controls, the picture at its right, and details below the picture.

    The panel stays in sight while the details are read. On a phone picture, panel and details follow each other.

    Args:
        key: Name of the three, unique on the page.
        lead: The question that the tab answers, and what to try first, as Markdown above the picture; on a phone it is
            below the picture.
    """
    with st.container(key=f"threefold_{key}"):
        panel, stage, details = st.columns(3, gap="medium")
    stage = stage.container(key=f"stage_{key}")
    if lead:
        stage.container(key=f"lead_{key}").caption(lead)
    return panel.container(key=f"panel_{key}"), stage, details
