"""Browser components (Streamlit components v2): each has its html, css and js beside the Python that declares it.

Helpers of several scripts are in shared.js, a module that they import; `script` inserts it instead of the import, since
Streamlit hands a component's script to the browser as one text. A component's assets are read once, when its module is
imported; nothing that a visitor typed ever enters them.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_FOLDER = Path(__file__).parent


def picked_index(key: str, count: int, on_pick: Callable[[int], None]) -> Callable[[], None]:
    """Return a callback that passes on the picked index; anything but indices below `count` is ignored.

    Args:
        key: Key of the mounted component, whose trigger is named `pick`.
        count: Number of items.
        on_pick: Callback that takes the index.
    """

    def picked() -> None:
        index = st.session_state[key].pick
        if isinstance(index, int) and 0 <= index < count:
            on_pick(index)

    return picked


def declare(name: str) -> Callable[..., Any]:
    """Declare the component whose files are `name`.html, `name`.css and `name`.js in this folder.

    Args:
        name: File stem of the three assets; also the component's name in the app, prefixed with the project's.

    Returns:
        The mounting function that `st.components.v2.component` gives.
    """
    html, css = (_text(f"{name}.{kind}") for kind in ("html", "css"))
    return st.components.v2.component(f"cnn_demo_{name}", html=html, css=css, js=script(name))


def script(name: str) -> str:
    """Return a component's script with the shared helpers instead of their import.

    Args:
        name: File stem of the component.
    """
    shared = re.sub(r"^export ", "", _text("shared.js"), flags=re.MULTILINE)
    own = _text(f"{name}.js")
    return re.sub(r'^import \{[^}]*\} from "\./shared\.js"\n', lambda _: shared, own, flags=re.MULTILINE)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
