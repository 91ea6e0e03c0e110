"""Page 5, find it: what is on the photo, where, how sure; and what the box head listens to."""

import json

import numpy as np
import streamlit as st

from cnn_demo.annotate import ANSWER, OTHER, box_scale, draw_boxes
from cnn_demo.drawing import jpeg_url, png_bytes, reduced
from cnn_demo.heatmaps import overlay
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec, load
from cnn_demo.models.boxes import iou
from cnn_demo.models.classifiers import resized
from cnn_demo.models.localizers import LocalizerEvidence
from cnn_demo.results import Localization
from cnn_demo.ui.components.picture import picture
from cnn_demo.ui.localize_state import DEFAULTS, SURE, evidence_of, pick_localizer, truth_of
from cnn_demo.ui.overlay import legend
from cnn_demo.ui.picture_cards import Card, picture_cards
from cnn_demo.ui.pretrained_classify import DEVICES
from cnn_demo.ui.probability_bars import percent, probability_bars

SHOWN_SIDE = 900  # pixels of the longer side that are sent to the browser
CARD_SIDE = 480
LOUDEST = 8  # votes that are drawn


def find_view(photo: Photo) -> None:
    """Show the one object that the network finds on the photo.

    Raises:
        ModelUnavailable: If the network is not to be had.
    """
    spec = pick_localizer()
    with st.spinner(f"Loading {spec.title}…"):
        load(spec.key)
    _answer(photo, spec)


@st.fragment
def _answer(photo: Photo, spec: ModelSpec) -> None:
    shown, said = st.columns([3, 2], gap="large")
    with said:
        sure = st.slider(
            "Least probability for a box",
            0,
            100,
            DEFAULTS[SURE],
            5,
            format="%d %%",
            key=SURE,
            bind="query-params",
            help="Below it the network answers “nothing that I know”. At 0 it boxes whatever its classes come nearest "
            "to, unless “nothing” is still more probable.",
        )
    evidence = evidence_of(photo, spec.key, sure / 100)
    answer = evidence.localization
    with said:
        _in_words(answer, photo)
        probability_bars(answer.labels, answer.probabilities, caption="Probability of each class", ordered=False)
        st.caption(
            f"**{answer.milliseconds:.1f} ms** on {DEVICES.get(answer.device, answer.device)}: one pass, two heads. "
            f"{spec.knows} Whatever else is on a photo, it should say “nothing”."
        )
    drawn = _drawn(photo, answer)
    with shown:
        height, width = photo.pixels.shape[:2]
        small = reduced(drawn, SHOWN_SIDE)
        found = f"a box around the {answer.label}" if answer.label else "no box"
        picture(
            jpeg_url(small),
            (height, width),
            key="find_photo",
            alt=f"The photo with {found}: {photo.alt or photo.name}",
            max_height=480,
        )
        _downloads(photo, answer, spec, drawn)
    st.subheader("How the box head gets there", anchor=False)
    _listening(photo, evidence)


def _in_words(answer: Localization, photo: Photo) -> None:
    if answer.label is None:
        st.markdown("### Nothing that I know")
        best = int(answer.probabilities[:-1].argmax())
        st.markdown(
            f"“Nothing” gets **{percent(float(answer.probabilities[-1]))}**; the nearest of its classes, "
            f"{answer.labels[best]}, {percent(float(answer.probabilities[best]))}."
        )
        return
    st.markdown(f"### {answer.label.capitalize()}, {percent(answer.probability)}")
    left, top, right, bottom = answer.box_xyxy.round().astype(int).tolist()
    words = f"From ({left}, {top}) to ({right}, {bottom}), in pixels of the photo."
    truth = truth_of(photo)
    if truth is not None:
        words += f" IoU with the true box: **{float(iou(answer.box_xyxy, truth)):.2f}**."
    st.markdown(words)


@st.cache_data(max_entries=32, show_spinner=False)
def _boxed(_pixels: np.ndarray, key: str, box: tuple[float, ...] | None, name: str) -> np.ndarray:
    boxes = [] if box is None else [np.array(box)]
    return draw_boxes(_pixels, boxes, [name] * len(boxes), [ANSWER] * len(boxes))


def _drawn(photo: Photo, answer: Localization) -> np.ndarray:
    box = None if answer.box_xyxy is None else tuple(answer.box_xyxy.tolist())
    return _boxed(photo.pixels, photo.key, box, f"{answer.label} {percent(answer.probability)}")


def _downloads(photo: Photo, answer: Localization, spec: ModelSpec, drawn: np.ndarray) -> None:
    stem = photo.name.rpartition(".")[0] or photo.name
    left, right, _ = st.columns([2, 2, 3])
    left.download_button(
        "Picture",
        lambda: png_bytes(drawn),
        f"{stem} boxed.png",
        "image/png",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )
    facts = {"photo": photo.name, "model": spec.key, **answer.as_json()}
    right.download_button(
        "JSON",
        json.dumps(facts, indent=1),
        f"{stem}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def _listening(photo: Photo, evidence: LocalizerEvidence) -> None:
    """What the network sees; how much each place is listened to; what the loudest places say."""
    pixels = reduced(photo.pixels, CARD_SIDE)
    height, width = pixels.shape[:2]
    rows, columns = evidence.attention.shape
    attention = resized_map(evidence.attention, (height, width))
    scale = box_scale(photo.pixels, pixels)
    loudest = np.argsort(-evidence.attention.ravel(), kind="stable")[:LOUDEST]
    votes = evidence.votes.reshape(-1, 4)[loudest] * scale
    share = float(evidence.attention.ravel()[loudest].sum())
    said = draw_boxes(pixels, votes[::-1], [""] * LOUDEST, [OTHER] * LOUDEST, thickness=1)
    said = draw_boxes(said, [evidence.box_xyxy * scale], [""], [ANSWER], thickness=3)
    st.markdown(
        f"The photo is squashed into a square, and the trunk turns it into {rows} × {columns} places with "
        f"{evidence.maps.shape[-1]} features each. **Each place says** how far it believes the four sides of the box "
        "to be, and how much it is to be listened to. The box is the mean of what all places say, weighted by that."
    )
    with st.container(width=420):
        legend("not listened to", "listened to most")
    seen = evidence.seen
    picture_cards(
        [
            Card(
                jpeg_url(seen),
                "The photo squashed into a square.",
                "What it sees",
                (f"{seen.shape[1]} × {seen.shape[0]} pixels.",),
            ),
            Card(
                jpeg_url(overlay(pixels, attention, 0.6)),
                "A heat map over the photo: how much each place is listened to.",
                "Who is listened to",
                (f"The {LOUDEST} loudest of {rows * columns} places have {percent(share)} of the say.",),
            ),
            Card(
                jpeg_url(said),
                f"The photo with the boxes that the {LOUDEST} loudest places believe in.",
                f"What the {LOUDEST} loudest say",
                ("Blue: their boxes. Amber: the weighted mean of all places.",),
            ),
        ],
        width=240,
        columns=3,
        ratio=f"{width} / {height}",
    )
    if evidence.localization.label is None:
        st.caption("The box head always answers; the class head decides that the answer counts for nothing here.")


def resized_map(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map (h, w), not negative, to 0..1 and to (height, width)."""
    shares = (255 * values / max(float(values.max()), 1e-12)).astype(np.uint8)
    return resized(shares, size).astype(np.float32) / 255
