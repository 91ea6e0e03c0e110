"""Home: where to begin, the topics and the visitor's photo as cards, and the machine, folded away."""

import streamlit as st

from cnn_demo.machine import describe_machine
from cnn_demo.models.files.weights import local_weights
from cnn_demo.project import ROOT
from cnn_demo.topics import TOPICS
from cnn_demo.ui.components.history import one_entry_for_each_click
from cnn_demo.ui.page.frame import APP_TITLE, footer, set_up, topic_link
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.photo_picker import photo_card

CARDS_PER_ROW = 4
# The link of a card covers the whole card.
_STYLE = """<style>
.st-key-topics [data-testid="stGridCell"] { position: relative; }
.st-key-topics [data-testid="stElementContainer"]:has([data-testid="stPageLink"]) { position: static; }
.st-key-topics [data-testid="stPageLink-NavLink"]::after { content: ""; position: absolute; inset: 0; }
.photo-card { display: block; width: 100%; aspect-ratio: 8 / 5; border-radius: 8px; object-fit: cover; }
div.photo-card { border: 2px dashed; display: grid; place-items: center; font-size: 3rem; opacity: 0.35; }
</style>"""


def home() -> None:
    """Show the home page."""
    set_up(APP_TITLE)
    one_entry_for_each_click()  # it also closes a phone's menu when another page opens
    st.header(APP_TITLE, anchor=False)
    st.markdown(
        "See convolution, networks, classification, detection and segmentation **on your own photo**, and move every "
        "setting yourself. Begin with **1 · Convolution** and go on in order: about ten minutes a page, no account and "
        "nothing to install."
    )
    st.html(_STYLE)
    cards = st.container(key="topics").grid(CARDS_PER_ROW, min_column_width=210, border=True)
    for topic in TOPICS:
        with cards.cell():
            st.image(str(ROOT / topic.picture), width="stretch", alt=topic.alt)
            topic_link(topic)
            st.caption(topic.summary)
    with cards.cell():
        photo_card()
    with st.expander("This machine"):
        _machine()
    footer()


def _machine() -> None:
    machine = describe_machine()
    weights = local_weights()
    figures = st.grid(3, min_column_width=230, border=True)
    device, memory, models = (figures.cell() for _ in range(3))
    accelerator = {"cuda": "NVIDIA GPU", "mps": "Apple GPU", "cpu": "CPU"}[machine.device]
    device.metric("Networks run on", accelerator, help=f"{plain(machine.device_name)}, {machine.cores} CPU cores")
    memory.metric("Free memory", f"{machine.free_memory / 2**30:.0f} of {machine.memory / 2**30:.0f} GB")
    models.metric(
        "Weights available locally",
        len(weights),
        help="Bundled with the app, in the folder that CNN_DEMO_WEIGHTS names, or in the libraries' caches. "
        "The convolution page needs none.",
    )
    for file in weights:
        st.caption(f"{plain(file.name)} · {file.bytes / 1e6:.1f} MB · {file.source}")
