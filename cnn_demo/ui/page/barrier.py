"""The barrier around every tab, view, callback and page: whatever fails inside, the rest of the page stays.

The visitor reads one sentence with a number; the log has the traceback once, with the same number. With
`CNN_DEMO_DEBUG=1`, as in `make dev` and in the tests, unexpected errors pass and show their traceback on the page.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.errors import FragmentHandledException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import SessionState

from cnn_demo.environment import DEBUG, is_on
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.page.markdown import plain

LOG = logging.getLogger(__name__)
_OF_CALLBACK = "callback_error"  # the sentence of a callback that failed, until it is shown


@contextmanager
def errors_shown(*, of_callbacks: bool = True) -> Iterator[None]:
    """Show an error inside in one sentence: why a network is not available, or that something failed.

    Args:
        of_callbacks: Whether to begin with the error of the callback that this run follows.
    """
    if of_callbacks:
        show_callback_error()
    try:
        yield
    except FragmentHandledException:  # it has been shown where it happened
        raise
    except Exception as error:
        _show(*_described(error))


def guard_page() -> None:
    """Show an error outside of all views in one sentence, in the run that has begun.

    It ends the page, but not in Streamlit's box. app.py has a barrier for it, and is not always there: see `navigate`.
    """
    context = get_script_run_ctx()
    if context is not None:
        context.on_script_error = _show_last


def _show_last(error: Exception) -> bool | None:
    """Show an error that Streamlit has caught and logged; return whether it needs no box of Streamlit's."""
    if is_on(DEBUG, default=False):
        return None
    _show(*_described(error))
    return True


def show_callback_error() -> None:
    """Show the error of a callback in one sentence, unless a view has shown it already."""
    if _OF_CALLBACK in st.session_state:
        _show(*st.session_state.pop(_OF_CALLBACK))


def _show(sentence: str, expected: bool) -> None:
    st.error(plain(sentence), icon=":material/cloud_off:" if expected else ":material/error:")


def _described(error: Exception) -> tuple[str, bool]:
    """Return the sentence of an error, and whether it was written for visitors: those of the system name paths."""
    expected = isinstance(error, ModelUnavailable) or (isinstance(error, FileNotFoundError) and error.errno is None)
    return str(error) if expected else unexpected(error), expected


def unexpected(error: Exception) -> str:
    """Log an error that nobody expected, and return the sentence for the visitor.

    Raises:
        Exception: The error itself, where developers want to see it.
    """
    if is_on(DEBUG, default=False):
        raise error
    number = secrets.token_hex(3)
    LOG.log(logging.ERROR, "Error %s on a page", number, exc_info=error)
    return (
        f"Something went wrong here (error {number}). Please try again or change a setting; if it happens again, "
        "reload the page, and give the operator this number."
    )


def _guard_callbacks(dispatch: Callable[[SessionState, Any, Callable[[], None]], None]) -> None:
    """Let the error of a callback end the callback alone.

    Streamlit runs callbacks before the page, and after an error it would not run the page at all. Every callback, of a
    widget or of a component, passes through the method that is replaced here.
    """

    def guarded(state: SessionState, votes: Any, run: Callable[[], None]) -> None:
        def kept() -> None:
            try:
                run()
            except Exception as error:
                st.session_state[_OF_CALLBACK] = _described(error)

        dispatch(state, votes, kept)

    SessionState._run_callback_and_record_rerun = guarded  # type: ignore[method-assign, assignment]  # on purpose


_guard_callbacks(SessionState._run_callback_and_record_rerun)
