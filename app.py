"""Home: the seven topics as cards, and the machine's devices, memory and weights."""

import streamlit as st

from cnn_demo.machine import describe_machine
from cnn_demo.models.files.weights import local_weights
from cnn_demo.topics import ROOT, TOPICS
from cnn_demo.ui.page.frame import APP_TITLE, set_up, topic_link

CARDS_PER_ROW = 4

set_up(APP_TITLE)
st.title(APP_TITLE, anchor=False)
st.markdown(
    "Drop in a photo and *see* what convolutional networks do with it, from a single kernel to a whole network."
)

cards = st.grid(CARDS_PER_ROW, min_column_width=210, border=True)
for topic in TOPICS:
    with cards.cell():
        st.image(str(ROOT / topic.picture), width="stretch", alt=topic.alt)
        topic_link(topic)
        st.caption(topic.summary)

machine = describe_machine()
weights = local_weights()
st.subheader("This machine", anchor=False)
figures = st.grid(3, min_column_width=230, border=True)
device, memory, models = (figures.cell() for _ in range(3))
accelerator = {"cuda": "NVIDIA GPU", "mps": "Apple GPU", "cpu": "CPU"}[machine.device]
device.metric("Networks run on", accelerator, help=f"{machine.device_name}, {machine.cores} CPU cores")
memory.metric("Free memory", f"{machine.free_memory / 2**30:.0f} of {machine.memory / 2**30:.0f} GB")
models.metric(
    "Weights available locally",
    len(weights),
    help="Bundled with the app, in the folder that CNN_DEMO_WEIGHTS names, or in the libraries' caches. "
    "The convolution page needs none.",
)
files = models.expander("Show files")
for file in weights:
    files.caption(f"{file.name} · {file.bytes / 1e6:.1f} MB · {file.source}")
