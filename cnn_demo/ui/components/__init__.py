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
    """Declare the component whose files are `name`.html, `name`.css and `name`.js in this folder or its folder `name`.

    Args:
        name: File stem of the three assets; also the component's name in the app, prefixed with the project's.

    Returns:
        The mounting function that `st.components.v2.component` gives.
    """
    html, css = ((home(name) / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    return st.components.v2.component(f"cnn_demo_{name}", html=html, css=css, js=script(name))


def home(name: str) -> Path:
    """Return the folder of a component's files: one of its own, if it has several scripts, or that of all components.

    Args:
        name: File stem of the component.
    """
    own = _FOLDER / name
    return own if own.is_dir() else _FOLDER


def script(name: str) -> str:
    """Return a component's script with its helpers instead of their imports.

    Args:
        name: File stem of the component.
    """
    return with_imports(home(name) / f"{name}.js", set())


def with_imports(file: Path, done: set[Path]) -> str:
    """Return a script in which each import of another file is replaced by that file, once.

    Args:
        file: Path of the script.
        done: Files that are imported already; it grows.
    """

    def imported(line: re.Match[str]) -> str:
        path = (file.parent / line[1]).resolve()
        if path in done:
            return ""
        done.add(path)
        return re.sub(r"^export ", "", with_imports(path, done), flags=re.MULTILINE)

    text = file.read_text(encoding="utf-8")
    return re.sub(r'^import \{[^}]*\} from "(\.{1,2}/[\w/]+\.js)"\n', imported, text, flags=re.MULTILINE)
