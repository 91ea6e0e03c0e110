"""Page 4, transfer learning on the visitor's own classes, live."""

import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.jobs import Job
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.pretrained.transfer.heads import heads_section
from cnn_demo.ui.pretrained.transfer.photos import photos_section
from cnn_demo.ui.pretrained.transfer.preview import preview
from cnn_demo.ui.pretrained.transfer.result import result_details, result_section
from cnn_demo.ui.pretrained.transfer.state import JOB, TAUGHT, is_current
from cnn_demo.ui.pretrained.transfer.training import training_section


def teach_view(photo: Photo) -> None:
    """Show the classes, the training, its result, and the trained head.

    Args:
        photo: The visitor's photo, used to try the heads.

    Raises:
        ModelUnavailable: If no network's weights, or not those of a head's network, are available locally.
    """
    panel, stage, details = controls_picture_and_details("teach")
    results, classes, heads = (details.container() for _ in range(3))
    draft = photos_section(panel, classes)
    spec, draw = training_section(draft, panel, stage)
    job: Job | None = st.session_state.get(JOB)
    taught = st.session_state.get(TAUGHT)
    if job is not None and job.active:
        pass  # its progress is on the stage
    elif taught is not None:
        with stage:
            result_section(taught, current=is_current(taught.task, spec.key, draw))
        with results:
            result_details(taught)
    else:
        with stage:
            preview(draft)
    with heads:
        heads_section(photo, spec, taught)
        st.caption(
            "The network itself is **frozen**; only a new last layer, its **head**, is trained on your photos "
            "([Donahue et al. 2014](https://arxiv.org/abs/1310.1531)). For comparison, the same head is trained on the "
            "same network with **random weights**: the difference is the benefit of pretraining."
        )
