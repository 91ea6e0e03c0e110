"""A tab's view as a fragment: its controls, the model picker among them, run nothing else on the page."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.tabs import reasons_shown

P = ParamSpec("P")


def view_fragment(view: Callable[P, None]) -> Callable[P, None]:
    """Make a view a fragment that shows in one sentence why a model is not available."""

    @wraps(view)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        with reasons_shown():
            view(*args, **kwargs)

    return fragment(explained)
