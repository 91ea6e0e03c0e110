"""Page 4, transfer learning on the visitor's own classes, live."""

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.jobs import Job
from cnn_demo.ui.pretrained.transfer.heads import heads_section
from cnn_demo.ui.pretrained.transfer.photos import photos_section
from cnn_demo.ui.pretrained.transfer.result import result_section
from cnn_demo.ui.pretrained.transfer.state import JOB, TAUGHT, is_current
from cnn_demo.ui.pretrained.transfer.training import training_section


def teach_view(photo: Photo) -> None:
    """Show the classes, the training, its result, and the trained head.

    Args:
        photo: The visitor's photo, used to try the heads.

    Raises:
        ModelUnavailable: If no network's weights, or not those of a head's network, are available locally.
    """
    st.markdown(
        "Train a network on classes of your own, in seconds. The network itself is **frozen**; only a new last layer, "
        "its **head**, is trained on your photos ([Donahue et al. 2014](https://arxiv.org/abs/1310.1531)). For "
        "comparison, the same head is trained on the same network with **random weights**: the difference is the "
        "benefit of pretraining. No photos? Use the sample set, then train."
    )
    st.subheader("Your classes", anchor=False)
    draft = photos_section()
    st.subheader("Train", anchor=False)
    spec, draw = training_section(draft)
    job: Job | None = st.session_state.get(JOB)
    taught = st.session_state.get(TAUGHT)
    if taught is not None and not (job is not None and job.active):
        result_section(taught, current=is_current(taught.task, spec.key, draw))
    heads_section(photo, spec, taught)
