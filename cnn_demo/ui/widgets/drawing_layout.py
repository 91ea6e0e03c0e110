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
  .st-key-threefold_{key} > * > * > :first-child {{ grid-row: 3; }}
  .st-key-stage_{key} [data-testid="stColumn"]:first-child {{ grid-row: 1; }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-lead_{key}) {{ grid-row: 2; }}
  .st-key-stage_{key} [data-testid="stColumn"]:last-child {{ grid-row: 4; }}
  .st-key-threefold_{key} > * > * > :nth-child(3) {{ grid-row: 5; }}
}}
</style>"""
# Here only the tools for the finger follow the drawing, the other controls of the edit precede the result that they
# change, and the rest of the panel follows it: the boxes around the drawing and around these tools are dissolved, too.
_PHONE_TOOLS = """<style>
@media (max-width: 640px) {{
  .st-key-threefold_{key} > * > [data-testid="stHorizontalBlock"] {{ display: flex; flex-direction: column; }}
  .st-key-threefold_{key} > * > * *:has(.st-key-tools_{key}, .st-key-{key}_canvas) {{ display: contents; }}
  .st-key-{key}_canvas {{ order: 1; }}
  .st-key-tools_{key} {{ order: 2; gap: 0.5rem; }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-lead_{key}) {{ order: 3; }}
  .st-key-stage_{key} *:has(> .st-key-{key}_canvas) > :not(.st-key-{key}_canvas) {{ order: 3; }}
  .st-key-stage_{key} [data-testid="stColumn"]:last-child {{ order: 4; }}
  .st-key-panel_{key} > *, .st-key-panel_{key} *:has(> * > .st-key-tools_{key}) > * {{ order: 5; }}
  .st-key-panel_{key} :is(.st-key-{key}_fill, .st-key-{key}_change) {{ order: 4; }}
  .st-key-panel_{key} :is(.st-key-{key}_patches, .st-key-{key}_smoothing) {{ order: 4; }}
  .st-key-threefold_{key} > * > * > :nth-child(3) {{ order: 6; }}
}}
</style>"""


def tools_drawing_result_and_details(
    key: str, lead: str = "", *, few_tools: bool = False
) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Return four containers: a panel of tools, the drawing, the result beside it, and details below both.

    On a phone the drawing, the tools, the result and the details follow each other.

    Args:
        key: Name of the four, unique on the page.
        lead: Sentences above the drawing, as in `controls_picture_and_details`; on a phone below it.
        few_tools: Whether only the panel's container `tools_KEY` follows the drawing `KEY_canvas` on a phone, and the
            rest of the panel the result, because each stroke changes it.
    """
    st.html((_PHONE_TOOLS if few_tools else _PHONE).format(key=key))
    panel, stage, details = controls_picture_and_details(key, lead)
    drawing, result = stage.columns(2, gap="medium")
    return panel, drawing, result, details
