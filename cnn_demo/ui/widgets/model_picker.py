"""Select boxes for models that are available locally. Others are downloaded in *Models* first."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from cnn_demo.models import Model, ModelSpec, ModelUnavailable, find, list_models, preferred_model, usable_models
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.models.files import downloads
from cnn_demo.results import BACKGROUND
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT

Loaded = TypeVar("Loaded", bound=Model)
_MISSING = "missing_models"  # key of a select box -> (the model in the link, the one that is used instead)
_HELP = "Models whose weights are on this machine. The tab *Models* lists all of them and downloads others."
OFFICIAL = {  # task -> the published network that is suggested to users of a bundled one
    "classification": "mobilenet_v2",
    "detection": "yolo11n",
    "semantic-segmentation": "deeplabv3_mobilenet_v3_large",
    "instance-segmentation": "yolo11n-seg",
}


def pick_model(
    key: str,
    label: str,
    task: Task = "classification",
    fits: Callable[[ModelSpec], bool] | None = None,
    on_change: Callable[[], None] | None = None,
) -> ModelSpec:
    """Let the visitor choose one model; a choice that is not available becomes the preferred one.

    Args:
        key: Widget key, and the name in the link. Its default is None, which stands for the preferred model.
        label: Label of the select box.
        task: Task of the models.
        fits: Filter of the models; None for all.
        on_change: Callback for another choice.

    Raises:
        ModelUnavailable: If no such network is on this machine.
    """
    usable = [spec for spec in usable_models(task) if fits is None or fits(spec)]
    if not usable:
        raise ModelUnavailable("None of the models on this machine can be used here.")
    titles = {spec.key: spec.title for spec in usable}
    preferred = preferred_model(task).key
    first = preferred if preferred in titles else usable[0].key
    _note_missing(key, task, first)
    _mend(key, first, st.session_state.get(key) in titles)
    chosen = st.selectbox(
        label,
        list(titles),
        index=list(titles).index(first),
        format_func=lambda name: titles.get(name, name),
        key=key,
        bind="query-params",
        help=_HELP,
        on_change=on_change,
    )
    spec = find(chosen if chosen in titles else first)
    noted: dict[str, tuple[str, str]] = st.session_state.get(_MISSING, {})
    missing, instead = noted.get(key, ("", ""))
    if missing and instead != spec.key:
        del noted[key]  # the visitor has chosen
    elif missing:
        st.caption(
            f"The link asks for {find(missing).title}, which is not on this machine: {spec.title} is used instead. The "
            "tab *Models* shows how to get it."
        )
    return spec


def _note_missing(key: str, task: Task, instead: str) -> None:
    """Keep the model that a link asks for, if it is not on this machine: Streamlit drops it from the link."""
    asked, usable = st.query_params.get(key), usable_models(task)
    missing = [spec.key for spec in list_models(task) if spec.title == asked and spec not in usable]
    if missing:
        st.session_state.setdefault(_MISSING, {})[key] = (missing[0], instead)


def load_with_spinner(spec: ModelSpec, load: Callable[[str], Loaded]) -> Loaded:
    """Load a model, and show that it takes a moment.

    Args:
        spec: The model.
        load: The function that loads models of its task, such as `load_detector`.

    Raises:
        ModelUnavailable: If the model's weights are not available locally.
    """
    with st.spinner(f"Loading {spec.title}…"):
        return load(spec.key)


def pick_models(
    key: str,
    label: str,
    limit: int,
    task: Task = "classification",
    preselected: Sequence[str] = (),
    without: str | None = None,
) -> tuple[ModelSpec, ...]:
    """Let the visitor choose up to `limit` models, in the order of selection; possibly none.

    Args:
        key: Widget key, and the name in the link. Its default is None, which stands for the preferred model and those
            beside it.
        label: Label of the select box.
        limit: Greatest number of models, at least 1.
        task: Task of the models.
        preselected: Keys of models that are chosen by default, if they are available locally.
        without: Key of a model that cannot be chosen.

    Raises:
        ModelUnavailable: If no network is on this machine.
    """
    titles = {spec.key: spec.title for spec in usable_models(task) if spec.key != without}
    first = [name for name in dict.fromkeys((preferred_model(task).key, *preselected)) if name in titles][:limit]
    held = st.session_state.get(key)
    _mend(key, first, held is not None and len(held) <= limit and all(name in titles for name in held))
    chosen = st.multiselect(
        label,
        list(titles),
        default=first,
        max_selections=limit,
        format_func=lambda name: titles.get(name, name),
        key=key,
        bind="query-params",
        placeholder="Choose a model",
        help=_HELP,
    )
    return tuple(find(name) for name in chosen if name in titles)


def official_instead(spec: ModelSpec) -> str:
    """Name the published network that could be downloaded instead of a bundled one, in a sentence.

    Args:
        spec: The network that is shown.

    Returns:
        "" if it is not bundled, the published one is on this machine already, or visitors may download nothing.
    """
    official = find(OFFICIAL[spec.task]) if spec.task in OFFICIAL else None
    if official is None or downloads.refusal(official) is not None or spec.availability() != "bundled":
        return ""
    if official.availability() != "download":
        return ""
    classes = sum(label != BACKGROUND for label in official.labels)
    return (
        f"This is a small bundled network; the tab *Models* downloads {official.title} "
        f"({official.bytes / 1e6:.0f} MB), which has {classes} classes and was trained on far more photos."
    )


def pick_side(key: str, sides: Sequence[int], own: int, explained: str, label: str = "Image size") -> int:
    """Let the visitor choose a network's image size; a size it does not support becomes its default size.

    Args:
        key: Widget key, and the name in the link. Its default is None, which stands for the network's own size.
        sides: Sizes to choose from, in pixels.
        own: The network's default size, one of `sides`.
        explained: Help text.
        label: Label of the select box.
    """
    sides = list(sides)
    _mend(key, own, st.session_state.get(key) in sides)
    chosen = st.selectbox(
        label,
        sides,
        index=sides.index(own),
        format_func=lambda side: f"{side} pixels",
        key=key,
        help=explained,
        **LINKED_AND_PERSISTENT,
    )
    return chosen if chosen in sides else own


def _mend(key: str, value: Any, is_fine: bool) -> None:
    """Replace an invalid value in the session state; Streamlit itself checks values that are only in the link."""
    if key in st.session_state and not is_fine:
        st.session_state[key] = value
