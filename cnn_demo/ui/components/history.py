"""The browser's history: one entry for each click."""

from cnn_demo.ui.components import declare

_mount = declare("history")


def one_entry_for_each_click() -> None:
    """Let the browser's Back button undo one click, however many parameters of the link it changed."""
    _mount(key="history")
