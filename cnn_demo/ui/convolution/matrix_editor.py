"""Kernel editor, cell by cell; the text in session state, which is part of the link, is authoritative.

`st.data_editor` keeps a visitor's edits on top of the table that it was given, and forgets them when its table changes
or when they leave the page. So the table is unchanged while they type, and edits are written into the text at once; the
editor starts anew, with a new key, only if the text has another source (a button, the link, the text field).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.convolution.matrix_text import MAX_SIDE, MAX_WEIGHT, format_matrix, normalize, parse_matrix, resized
from cnn_demo.ui.convolution.settings import DEFAULTS, MATRIX_GOOD, MATRIX_TEXT
from cnn_demo.ui.page.markdown import plain

_BASE, _TURN = "matrix_base", "matrix_turn"
_ROW = "matrix_row"
_COLUMNS = 5  # that fit beside the picture and on a phone; of a wider kernel one row is edited at a time, downwards

_CHANGES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "Normalize": ("Scale the weights to a sum of 1; if they sum to 0, their magnitudes sum to 1.", normalize),
    "Transpose": ("Swap rows and columns.", np.transpose),
    "Flip": ("Rotate by 180°, as in mathematical convolution.", lambda weights: weights[::-1, ::-1]),
}


def current_matrix() -> np.ndarray:
    """Return the matrix of the text, (kh, kw) float32.

    Raises:
        ValueError: if the text is no matrix; the message is one sentence.
    """
    return parse_matrix(st.session_state.get(MATRIX_TEXT, DEFAULTS[MATRIX_TEXT]))


def is_matrix(text: str) -> bool:
    """Whether a text is a matrix; a link carries no other one."""
    try:
        parse_matrix(text)
    except ValueError:
        return False
    return True


def set_matrix(weights: np.ndarray) -> None:
    """Write a matrix into the text."""
    st.session_state[MATRIX_TEXT] = format_matrix(weights)


def matrix_editor() -> None:
    """Show the editor; if the text is no matrix, show an error and keep the last valid matrix."""
    st.session_state.setdefault(MATRIX_TEXT, DEFAULTS[MATRIX_TEXT])
    st.text_input(
        "As text",
        key=MATRIX_TEXT,
        persist_state="session",
        help="Rows separated by semicolons. You can paste a matrix from NumPy or a spreadsheet.",
    )
    try:
        weights = current_matrix()
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/grid_off:")
        return
    st.session_state[MATRIX_GOOD] = weights
    _size_inputs(weights.shape)
    _table(weights)
    with st.container(horizontal=True, gap="small"):
        for title, (help_text, change) in _CHANGES.items():
            st.button(title, key=f"matrix_{title}", help=help_text, on_click=_apply, args=(change,))


def _size_inputs(shape: tuple[int, int]) -> None:
    for side, (column, label) in enumerate(zip(st.columns(2), ("Rows", "Columns"), strict=True)):
        st.session_state[f"matrix_{label}"] = shape[side]
        column.number_input(label, 1, MAX_SIDE, key=f"matrix_{label}", on_change=_resize)


def _resize() -> None:
    size = st.session_state["matrix_Rows"], st.session_state["matrix_Columns"]
    set_matrix(resized(current_matrix(), size))


def _apply(change: Callable[[np.ndarray], np.ndarray]) -> None:
    set_matrix(change(current_matrix()))


def _table(weights: np.ndarray) -> None:
    row = _pick_row(weights.shape[0]) if weights.shape[1] > _COLUMNS else None
    turn = st.session_state.setdefault(_TURN, 0)
    base = st.session_state.get(_BASE)
    if base is None or not np.array_equal(_edited(base, _key(turn, row), row), weights):
        turn += 1
        st.session_state.update({_TURN: turn, _BASE: weights})
        base = weights
    if row is None:
        names = [str(column + 1) for column in range(base.shape[1])]
        table = pd.DataFrame(base, columns=names)
    else:
        names = [f"Row {row + 1}"]
        table = pd.DataFrame({names[0]: base[row]}, pd.RangeIndex(1, base.shape[1] + 1, name="Column"))
    longest = max(len(f"{value:.3g}") for value in base.ravel())
    st.data_editor(
        table,
        key=_key(turn, row),
        hide_index=row is None,
        height="auto",
        column_config={
            name: st.column_config.NumberColumn(
                name, required=True, default=0.0, format="%.3g", width=max(52, 20 + 8 * longest)
            )
            for name in names
        },
        on_change=_take_edits,
        args=(_key(turn, row), row),
        alt="The kernel's weights, one cell each.",
    )


def _pick_row(rows: int) -> int:
    """Let the visitor choose the row that is edited; returns its index."""
    if rows == 1:
        return 0
    st.session_state[_ROW] = min(st.session_state.get(_ROW, 1), rows)
    return st.slider("Row to edit", 1, rows, key=_ROW) - 1


def _key(turn: int, row: int | None) -> str:
    return f"matrix_{turn}" if row is None else f"matrix_{turn}_row_{row}"


def _take_edits(key: str, row: int | None) -> None:
    set_matrix(_edited(st.session_state[_BASE], key, row))


def _edited(base: np.ndarray, key: str, row: int | None) -> np.ndarray:
    """Return the kernel with the editor's edits, in the format of the text; the editor may show one row, downwards."""
    weights = base.copy()
    for line, cells in st.session_state.get(key, {}).get("edited_rows", {}).items():
        for name, value in cells.items():
            at = (int(line), int(name) - 1) if row is None else (row, int(line))
            weights[at] = 0.0 if value is None else value
    return parse_matrix(format_matrix(np.clip(weights, -MAX_WEIGHT, MAX_WEIGHT)))
