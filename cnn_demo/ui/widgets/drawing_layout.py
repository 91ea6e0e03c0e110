"""The layout of a tab with a picture to draw on: tools, the drawing, and beside it the prediction judged by it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.ui.page.layout import controls_picture_and_details

# On a phone a panel follows the whole stage. Here it follows the drawing: the stage's boxes are dissolved, so that its
# two columns become rows of the same grid as the panel and the details.
_PHONE = """<style>
@media (max-width: 640px) {{
  .st-key-threefold_{key} > * > * > :nth-child(2),
  .st-key-threefold_{key} > * > * > :nth-child(2) *:has([data-testid="stColumn"]) {{ display: contents; }}
  .st-key-threefold_{key} > * > * > :first-child {{ grid-row: {tools}; }}
  .st-key-stage_{key} [data-testid="stColumn"]:first-child {{ grid-row: 1; }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-lead_{key}) {{ grid-row: 2; }}
  .st-key-stage_{key} [data-testid="stColumn"]:last-child {{ grid-row: {result}; }}
  .st-key-threefold_{key} > * > * > :nth-child(3) {{ grid-row: 5; }}
}}
</style>"""


def tools_drawing_result_and_details(
    key: str, lead: str = "", *, tools_last: bool = False
) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Return four containers: a panel of tools, the drawing, the result beside it, and details below both.

    On a phone the drawing, the tools, the result and the details follow each other, or the result before the tools.

    Args:
        key: Name of the four, unique on the page.
        lead: Sentences above the drawing, as in `controls_picture_and_details`; on a phone below it.
        tools_last: Whether the result comes before the tools on a phone, because each stroke changes it.
    """
    st.html(_PHONE.format(key=key, tools=4 if tools_last else 3, result=3 if tools_last else 4))
    panel, stage, details = controls_picture_and_details(key, lead)
    drawing, result = stage.columns(2, gap="medium")
    return panel, drawing, result, details
