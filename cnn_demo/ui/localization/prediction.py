"""Page 5, find it: the predicted class, box and confidence, and the locations that weigh most for the box."""

import json

import numpy as np
import streamlit as st

from cnn_demo.drawing.boxes import OTHER, PREDICTION, box_scale, draw_boxes
from cnn_demo.drawing.heatmaps import overlay
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.exports.boxes import jpeg_file
from cnn_demo.exports.full_size import file_boxes, file_facts, file_localization, file_pixels
from cnn_demo.images import Photo
from cnn_demo.images.resizing import resized
from cnn_demo.machine import on_device
from cnn_demo.models import ModelSpec, load_localizer
from cnn_demo.models.boxes import iou
from cnn_demo.models.localization.localizers import LocalizerDetails
from cnn_demo.results import Localization, duration, percent
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.localization.state import evidence_of, pick_localizer, threshold_slider, truth_of
from cnn_demo.ui.page.fragments import fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.file_buttons import stem_of
from cnn_demo.ui.widgets.heatmap_controls import legend
from cnn_demo.ui.widgets.model_picker import load_with_spinner
from cnn_demo.ui.widgets.picture_cards import Card, picture_cards
from cnn_demo.ui.widgets.probability_bars import probability_bars

SHOWN_SIDE = 900  # pixels of the longer side that are sent to the browser
CARD_SIDE = 480
HEAVIEST = 8  # locations whose boxes are drawn
PROBABLE = 0.5  # probability below which a class is less probable than all others together
MAX_CLASSES = 6  # whose probabilities are shown


@fragment
def find_view(photo: Photo) -> None:
    """Show the one object that the network finds on the photo; if the network is not available, the reason."""
    panel, stage, details = controls_picture_and_details("find")
    with panel:
        spec = pick_localizer()
        threshold = threshold_slider(spec)
    load_with_spinner(spec, load_localizer)
    evidence = evidence_of(photo, spec.key, threshold)
    prediction = evidence.localization
    with panel:
        _in_words(prediction, photo, threshold)
        indices = shown_classes(prediction.probabilities)
        probability_bars(
            [prediction.labels[i] for i in indices],
            prediction.probabilities[indices],
            caption="Probability of the most probable classes",
        )
    with stage:
        found = f"a box around the {prediction.label}" if prediction.label else "no box"
        box = [] if prediction.box_xyxy is None else [prediction.box_xyxy]
        picture(
            jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
            photo.size,
            key="find_photo",
            alt=f"The photo with {found}: {photo.description}",
            max_height=480,
            boxes=labelled_boxes(box, [box_label(prediction)] * len(box), [PREDICTION] * len(box)),
        )
    with details:
        where = on_device(prediction.device, prediction.engine)
        st.caption(
            f"**{duration(prediction.milliseconds)}** {where}: one pass, two heads. "
            f"{spec.training_data} For a photo of anything else it should predict “nothing”."
        )
        _downloads(photo, prediction, spec)
        st.subheader("How the box head predicts the box", anchor=False)
        _weighted(photo, evidence)


def shown_classes(probabilities: np.ndarray) -> np.ndarray:
    """Return the indices of the `MAX_CLASSES` most probable classes, the last one, "nothing", always among them."""
    order = np.argsort(-probabilities, kind="stable")[:MAX_CLASSES]
    nothing = len(probabilities) - 1
    return order if nothing in order else np.append(order[:-1], nothing)


def _in_words(prediction: Localization, photo: Photo, threshold: float) -> None:
    if prediction.label is None or prediction.box_xyxy is None:
        best = int(prediction.probabilities[:-1].argmax())
        nearest = f"{prediction.labels[best]}, has {percent(float(prediction.probabilities[best]))}"
        if prediction.probabilities[-1] >= prediction.probabilities[best]:
            st.markdown(f"### Nothing, {_unbroken(float(prediction.probabilities[-1]))}")
            st.markdown(f"None of its {len(prediction.labels) - 1} classes: the most probable one, {nearest}.")
        else:
            st.markdown("### Nothing recognized")
            st.markdown(f"The most probable class, {nearest}: less than the threshold of {percent(threshold)}.")
        return
    if prediction.probability < PROBABLE:
        st.markdown(f"### Perhaps: {prediction.label}, {_unbroken(prediction.probability)}")
        st.markdown("It is more probable that the photo shows something else, or nothing of its classes.")
    else:
        st.markdown(f"### {prediction.label.capitalize()}, {_unbroken(prediction.probability)}")
    left, top, right, bottom = file_boxes(photo, prediction.box_xyxy).round().astype(int).tolist()
    words = f"From ({left}, {top}) to ({right}, {bottom}), in pixels of the photo’s file."
    truth = truth_of(photo, prediction.labels)
    if truth is not None:
        words += f" IoU with the ground truth: **{float(iou(prediction.box_xyxy, truth)):.2f}**."
    st.markdown(words)


def _unbroken(probability: float) -> str:
    """Write a probability that no line ends within, as it would after the sign of "> 99.9%"."""
    return percent(probability).replace(" ", "\u00a0")


def box_label(prediction: Localization) -> str:
    """Return the text at the box: class and probability, with a question mark if other classes are more probable."""
    doubt = "?" if prediction.probability < PROBABLE else ""
    return f"{prediction.label}{doubt} {percent(prediction.probability)}"


def _drawn(pixels: np.ndarray, prediction: Localization) -> np.ndarray:
    boxes = [] if prediction.box_xyxy is None else [prediction.box_xyxy]
    return draw_boxes(pixels, boxes, [box_label(prediction)] * len(boxes), [PREDICTION] * len(boxes))


def _downloads(photo: Photo, prediction: Localization, spec: ModelSpec) -> None:
    stem = stem_of(photo)
    found = file_localization(photo, prediction)
    buttons = st.container(horizontal=True, gap="small")
    buttons.download_button(
        "Picture",
        lambda: jpeg_file(_drawn(file_pixels(photo), found)),
        f"{stem} boxed.jpg",
        "image/jpeg",
        icon=":material/download:",
        on_click="ignore",
    )
    facts = {**file_facts(photo), "model": spec.key, **found.as_json()}
    buttons.download_button(
        "JSON",
        json.dumps(facts, indent=1, ensure_ascii=False),
        f"{stem}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )


def _weighted(photo: Photo, evidence: LocalizerDetails) -> None:
    """The network's input; the weight of each location; the boxes of those that weigh most."""
    pixels = reduced(photo.pixels, CARD_SIDE)
    height, width = pixels.shape[:2]
    rows, columns = evidence.attention.shape
    attention = resized_map(evidence.attention, (height, width))
    scale = box_scale(photo.pixels, pixels)
    heaviest = np.argsort(-evidence.attention.ravel(), kind="stable")[:HEAVIEST]
    votes = evidence.votes.reshape(-1, 4)[heaviest] * scale
    fraction = float(evidence.attention.ravel()[heaviest].sum())
    drawn = draw_boxes(pixels, votes[::-1], [""] * HEAVIEST, [OTHER] * HEAVIEST, thickness=1)
    drawn = draw_boxes(drawn, [evidence.box_xyxy * scale], [""], [PREDICTION], thickness=3)
    st.markdown(
        f"The photo is resized to a square, and the backbone turns it into feature maps of {rows} × {columns} "
        f"locations with {evidence.maps.shape[-1]:,} channels. **Each location predicts** its distances to the four "
        "sides of the box, and a weight. "
        f"The box is the weighted {evidence.average} of all locations’ boxes."
    )
    with st.container(width=420):
        legend("weight 0", "greatest weight")
    seen = evidence.seen
    picture_cards(
        [
            Card(
                jpeg_url(seen),
                "The photo resized to a square.",
                "The network’s input",
                (f"{seen.shape[1]} × {seen.shape[0]} pixels.",),
            ),
            Card(
                jpeg_url(overlay(pixels, attention, 0.6)),
                "A heatmap over the photo: the weight of each location.",
                "Weights of the locations",
                (f"The {HEAVIEST} greatest of {rows * columns} sum to {percent(fraction)}.",),
            ),
            Card(
                jpeg_url(drawn),
                f"The photo with the boxes of the {HEAVIEST} locations of greatest weight.",
                f"Boxes of those {HEAVIEST}",
                (f"Blue: their boxes. Amber: the weighted {evidence.average} of all.",),
            ),
        ],
        width=200,
        columns=3,
        ratio=f"{width} / {height}",
        whole=True,  # the input is a square: cropped to the shape of the photo, it would lack its top and bottom
    )
    if evidence.localization.label is None:
        st.caption("The box head always predicts a box; here the class head decides that it is not shown.")


def resized_map(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bring a map (h, w), not negative, to 0..1 and to (height, width)."""
    grey = (255 * values / max(float(values.max()), 1e-12)).astype(np.uint8)
    return resized(grey, size).astype(np.float32) / 255
