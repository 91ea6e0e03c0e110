"""The barrier around every tab, view and page: whatever fails inside, the rest of the page stays.

The visitor reads one sentence with a number; the log has the traceback once, with the same number. With
`CNN_DEMO_DEBUG=1`, as in `make dev` and in the tests, unexpected errors pass and show their traceback on the page.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.errors import FragmentHandledException

from cnn_demo.environment import DEBUG, is_on
from cnn_demo.models import ModelUnavailable
from cnn_demo.ui.page.markdown import plain

LOG = logging.getLogger(__name__)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error inside in one sentence: why a network is not available, or that something failed."""
    try:
        yield
    except (ModelUnavailable, FileNotFoundError) as error:
        st.error(plain(str(error)), icon=":material/cloud_off:")
    except FragmentHandledException:  # it has been shown where it happened
        raise
    except Exception as error:
        st.error(plain(unexpected(error)), icon=":material/error:")


def unexpected(error: Exception) -> str:
    """Log an error that nobody expected, and return the sentence for the visitor.

    Callbacks run before the page and outside of its barrier: they keep the sentence, for the page to show.

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
