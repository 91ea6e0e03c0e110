"""Select box for a class of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cnn_demo.models.classification.classifiers import Classifier


def class_box(title: str, key: str, model: Classifier, top: Sequence[str], placeholder: str) -> str | None:
    """Let the visitor choose a class; None if none was chosen.

    Args:
        title: Label.
        key: Key of the widget and its name in the link.
        model: A classifier.
        top: The most probable classes, listed first.
        placeholder: Text that names the class by default.
    """
    return st.selectbox(
        title,
        [*top, *sorted(set(model.labels) - set(top), key=str.casefold)],
        index=None,
        placeholder=placeholder,
        key=key,
        bind="query-params",
        help=f"The {len(top)} most probable classes first, then all others by name.",
    )
