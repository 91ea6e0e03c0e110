"""Browser components (Streamlit components v2): each has its html, css and js beside the Python that declares it.

Helpers of several scripts are in shared.js, a module that they import; a long script has modules of its own. `script`
inserts a module instead of its import, since Streamlit hands a component's script to the browser as one text. A
component's assets are read once, when its module is imported; nothing that a visitor typed ever enters them.
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
    """Return a component's script with its helpers instead of their imports.

    Args:
        name: File stem of the component.
    """
    return _with_imports(f"{name}.js", set())


def _with_imports(file: str, done: set[str]) -> str:
    """Return a script in which each import of another file is replaced by that file, once."""

    def imported(line: re.Match[str]) -> str:
        if line[1] in done:
            return ""
        done.add(line[1])
        return re.sub(r"^export ", "", _with_imports(line[1], done), flags=re.MULTILINE)

    return re.sub(r'^import \{[^}]*\} from "\./(\w+\.js)"\n', imported, _text(file), flags=re.MULTILINE)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
