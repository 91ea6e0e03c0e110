"""Downloads of models on pages 4, 6 and 7, on the visitor's request."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from cnn_demo.models import ModelSpec, ModelUnavailable, find
from cnn_demo.models.files import downloads
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.widgets.model_picker import OFFICIAL

WANTED, NEWS = "models_wanted", "models_news"
SOURCES = {  # host to the owner's name
    "storage.googleapis.com": "Google's storage for Keras",
    "github.com": "Ultralytics' releases on GitHub",
    "download.pytorch.org": "PyTorch's own server",
    "huggingface.co": "the Hugging Face hub",
}
DEFAULTS: dict[str, Any] = {WANTED: None}  # None stands for `first_offer`


def offer(missing: Sequence[ModelSpec]) -> None:
    """Offer to download models that are not available locally."""
    st.subheader("Download a model", anchor=False)
    if message := st.session_state.pop(NEWS, None):
        st.success(message, icon=":material/check_circle:")
    if not missing:
        st.caption("All networks are on this machine.")
        return
    offered = downloads.offered(missing)
    if len(offered) < len(missing):
        st.caption(
            f"{len(missing) - len(offered)} networks in this table are not offered here, because the checksums of "
            "their files are not known."
        )
    if offered:
        _download([spec.key for spec in offered])


@fragment
def _download(keys: Sequence[str]) -> None:
    """Choose a model and download it; nothing is downloaded before the button is clicked."""
    if WANTED in st.session_state and st.session_state[WANTED] not in keys:
        st.session_state[WANTED] = first_offer(keys)
    choice = st.container(horizontal=True, vertical_alignment="bottom")
    selected = choice.selectbox(
        "Model",
        list(keys),
        index=list(keys).index(first_offer(keys)),
        format_func=lambda key: find(key).title,
        key=WANTED,
        bind="query-params",
        width=320,
    )
    spec = find(selected if selected in keys else first_offer(keys))
    refusal = downloads.refusal(spec)
    clicked = choice.button(
        f"Download {spec.bytes / 1e6:.0f} MB",
        key="models_download",
        icon=":material/download:",
        type="primary",
        disabled=refusal is not None,
    )
    described = f"{spec.title}: {spec.architecture}. Licence of the weights: {spec.licence}."
    if refusal is not None:
        st.info(refusal, icon=":material/cloud_off:")
        st.caption(described)
        return
    st.caption(
        f"{described} They are downloaded from {_source_of(spec.url)} when you click, and stay on this machine for all "
        "visitors. This needs an internet connection."
    )
    if clicked:
        _fetch(spec)


def _source_of(url: str | None) -> str:
    """Return whose server a file comes from; the server's own name if it is not in `SOURCES`."""
    host = urlsplit(url or "").hostname or ""
    return SOURCES.get(host, host)


def first_offer(keys: Sequence[str]) -> str:
    """Return the network that the other tabs suggest, else the smallest one, the quickest to download."""
    suggested = [key for key in keys if OFFICIAL.get(find(key).task) == key]
    return min(suggested or keys, key=lambda key: find(key).bytes)


def _fetch(spec: ModelSpec) -> None:
    bar = st.progress(0.0, f"Connecting for {spec.title}…")
    reported = -1

    def report(done: int, total: int) -> None:
        nonlocal reported
        total = total or spec.bytes
        fraction = min(done / total, 1.0)
        if (step := int(100 * fraction)) != reported:  # a hundred messages to the browser, not thousands
            reported = step
            bar.progress(fraction, f"{spec.title}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

    try:
        downloads.download(spec, report)
    except ModelUnavailable as error:
        bar.empty()
        st.error(plain(str(error)), icon=":material/cloud_off:")
        return
    except Exception:
        bar.empty()
        raise
    st.session_state[NEWS] = f"{spec.title} is on this machine now: you can choose it in the other tabs."
    st.rerun()  # the whole page, since all its model pickers have a new choice
