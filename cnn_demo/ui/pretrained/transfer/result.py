"""Page 4, transfer learning, result: accuracy on held-out photos with and without pretraining, and the confusions."""

import numpy as np
import streamlit as st

from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.models import find
from cnn_demo.models.transfer.linear_head import EPOCHS, confusion
from cnn_demo.models.transfer.session import PRETRAINED, RANDOM, TUNED, TransferState, wilson_interval
from cnn_demo.results import percent
from cnn_demo.ui.components.confusion_matrix import confusion_matrix
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained.transfer.curves import TITLES, head_curves, tuning_curves
from cnn_demo.ui.pretrained.transfer.state import DEFAULTS, SHOWN
from cnn_demo.ui.pretrained.transfer.training import TUNING, request_training
from cnn_demo.ui.widgets.cells import two_cells
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards

CELL = "teach_cell"
_PICTURE = 200  # longer side in pixels of a photo sent to the browser


def result_section(taught: TransferState, *, current: bool) -> None:
    """Show accuracies and curves, and explain them.

    Args:
        taught: Final state of the last training.
        current: Whether it was trained with the current classes and settings.
    """
    st.subheader("Accuracy with and without pretraining", anchor=False)
    if not current:
        st.caption("You have changed something above since: the results below are from the earlier settings.")
    if (done := len(taught.runs[PRETRAINED].epochs)) < EPOCHS:
        st.caption(
            f"The training was stopped after {done} of {EPOCHS} epochs; the weights trained until then are kept."
        )
    _figures(taught)
    head_curves(taught)
    st.markdown(verdict(taught))


def result_details(taught: TransferState) -> None:
    """Show fine-tuning and mistakes."""
    _tuning(taught)
    _mistakes(taught)


def _figures(taught: TransferState) -> None:
    count = len(taught.task.hold_out)
    with st.container(horizontal=True):
        for which, title in TITLES.items():
            if which in taught.runs:
                right = taught.right(which)
                counts_text = f"{right} of {count} held-out photos"
                st.metric(title, percent(right / count), counts_text, delta_color="off", delta_arrow="off", border=True)
        st.metric("Training time", f"{taught.seconds:.1f} s", border=True)


def verdict(taught: TransferState) -> str:
    """Describe the accuracies, the number of photos, the uncertainty, and whether the difference is significant."""
    task = taught.task
    count = len(taught.task.hold_out)
    held = np.bincount(task.photos.classes[task.hold_out], minlength=len(task.photos.labels))
    low, high = wilson_interval(taught.right(PRETRAINED), count)
    low_beside, high_beside = wilson_interval(taught.right(RANDOM), count)
    apart = low > high_beside or low_beside > high
    return (
        f"Measured on **{count} held-out photos**; always predicting “{plain(task.photos.labels[held.argmax()])}” "
        f"would be correct for {percent(held.max() / count)} of them. {find(task.model_key).title} was pretrained on "
        "many thousands of other photos; the same network with random weights on none. With so few photos the "
        f"accuracies are uncertain: on more photos like these they are probably within **{_range(low, high)}** with "
        f"pretrained features and **{_range(low_beside, high_beside)}** with random ones ([Wilson's 95% "
        "intervals](https://doi.org/10.1080/01621459.1927.10502953)). "
        + (
            "The intervals do not overlap: the difference is significant."
            if apart
            else "The intervals overlap: the difference may be chance, and more photos are needed to tell."
        )
    )


def _range(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f}%"


def _tuning(taught: TransferState) -> None:
    with st.container(border=True):
        words, button = st.columns([5, 2], vertical_alignment="center")
        words.markdown(
            "**Fine-tune the last block.** So far only the head was trained. Fine-tuning also trains the network's "
            "last convolutions, with a small learning rate. With few photos this may help or harm: the curve of the "
            "held-out photos shows which."
        )
        button.button(
            "Fine-tune again" if TUNED in taught.runs else "Fine-tune",
            icon=":material/tune:",
            key="teach_tune",
            on_click=request_training,
            args=(TUNING,),
        )
        if TUNED in taught.runs:
            tuning_curves(taught)


@fragment
def _mistakes(taught: TransferState) -> None:
    """Show the confusion matrix of one head, and the photos of the open cell."""
    st.subheader("Confusion matrix", anchor=False)
    which = _shown(taught)
    task = taught.task
    run = taught.runs[which]
    labels = task.photos.labels
    cells = confusion(task.photos.classes, task.hold_out, run.probabilities)
    counts = [[len(cell) for cell in row] for row in cells]
    opened = _opened(counts)
    truth, predicted = divmod(opened, len(labels))
    matrix_container, photos_container = two_cells()
    with matrix_container:
        confusion_matrix(
            labels,
            counts,
            opened,
            key="teach_confusion",
            label=f"Held-out photos by true and predicted class: {TITLES[which].lower()}",
            on_pick=_open,
        )
    with photos_container:
        is_right = truth == predicted
        st.markdown(
            f"**{plain(labels[truth])}**, "
            + ("classified correctly" if is_right else f"predicted as **{plain(labels[predicted])}**")
        )
        _photos(taught, which, cells[truth][predicted])


def _shown(taught: TransferState) -> str:
    if st.session_state.get(SHOWN, PRETRAINED) not in taught.runs:
        st.session_state[SHOWN] = PRETRAINED
    return choose("Predictions of", {each: TITLES[each] for each in taught.runs}, key=SHOWN, default=DEFAULTS[SHOWN])


def _opened(counts: list[list[int]]) -> int:
    """Return the open cell; by default the most frequent mistake, or else the most frequent correct prediction."""
    numbers = np.array(counts)
    opened = st.session_state.get(CELL)
    if isinstance(opened, int) and 0 <= opened < numbers.size and numbers.flat[opened]:
        return opened
    mistakes = numbers * (1 - np.eye(len(numbers), dtype=int))
    return int((mistakes if mistakes.any() else numbers).argmax())


def _open(index: int) -> None:
    st.session_state[CELL] = index


def _photos(taught: TransferState, which: str, numbers: tuple[int, ...]) -> None:
    task = taught.task
    run = taught.runs[which]
    cards = []
    for number in numbers:
        photo = task.photos.photos[number]
        probabilities = run.probabilities[np.searchsorted(task.hold_out, number)]
        predicted = task.photos.labels[probabilities.argmax()]
        truth = task.photos.labels[task.photos.classes[number]]
        line = f"{predicted} {percent(float(probabilities.max()))}"
        alt = f"{photo.description} It is {truth}; predicted: {predicted}."
        cards.append(Card(jpeg_url(reduced(photo.pixels, _PICTURE)), alt, photo.name, (line,)))
    picture_cards(cards, width=96, columns=5, ratio="1")
