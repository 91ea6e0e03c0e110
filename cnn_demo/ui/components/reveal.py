"""Scrolls the page to the things that a notice speaks of."""

from collections.abc import Sequence

from cnn_demo.ui.components import declare

_mount = declare("reveal")


def reveal(keys: Sequence[str], click: str) -> None:
    """Scroll to elements of the page, once for each click; on a phone, to the notice first.

    Args:
        keys: Keys of widgets or containers, the most important one last. Those that are not shown are left out.
        click: Name of the click, another one for each; without one, only the row of tabs is scrolled to the open one.
    """
    _mount(key="reveal", data={"keys": list(keys), "click": click})
