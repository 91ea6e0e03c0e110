"""Page 4, classify: predictions of up to three networks for the same photo, side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from cnn_demo.images import Photo
from cnn_demo.lessons.pretrained_experiments import SIDE_BY_SIDE
from cnn_demo.machine import on_device
from cnn_demo.models import MAX_MODELS, ModelSpec, ModelUnavailable, load_classifier, usable_models
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.classification.units import input_box
from cnn_demo.models.files.downloads import max_concurrent
from cnn_demo.results import Classification, duration, percent
from cnn_demo.ui.page.caching import photo_cache, timed_warm
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.pretrained import robustness
from cnn_demo.ui.pretrained.model_times import keep_time
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.framed_photo import draw_on_photo
from cnn_demo.ui.widgets.model_picker import pick_models
from cnn_demo.ui.widgets.probability_bars import probability_bars

MODELS, FIT = "models", "photo_fit"
DEFAULTS: dict[str, Any] = {MODELS: None, FIT: "crop", **robustness.DEFAULTS}
_NUMBERS = {1: "One", 2: "Two", 3: "Three"}
_TAKES = {
    "crop": "The input is the square in the frame.",
    "squash": "The input is the whole photo, resized to a square.",
    "pad": "The input is the whole photo, padded with grey.",
}


def classify_view(photo: Photo) -> None:
    """Show the chosen networks' predictions, whether they agree, and the predictions for the corrupted photo.

    Raises:
        ModelUnavailable: If no network's weights are available locally.
    """
    panel, stage, details = controls_picture_and_details("classify")
    with panel:
        specs, fit = _controls()
    if not specs:
        stage.info("Choose at least one model.", icon=":material/image_search:")
        return
    with stage:
        photo_container, words = st.columns([2, 3], gap="medium", vertical_alignment="center")
        with photo_container:
            _show_photo(photo, specs, fit)
        predictions = _predictions(photo, specs, fit)
    with words:
        st.caption(_taken(specs, fit))
        if len(predictions) > 1:
            st.markdown(agreement([(spec.title, prediction) for spec, prediction in predictions]))
    if predictions:
        details.caption(training_data([spec for spec, _ in predictions]))
        models = tuple((spec.key, spec.title) for spec, _ in predictions)
        robustness.corrupted_view(photo, models, fit, predict=classified)


def training_data(specs: Sequence[ModelSpec]) -> str:
    """Return a line on the training data of each network, with one line for networks with the same."""
    titles: dict[str, list[str]] = {}
    for spec in specs:
        titles.setdefault(spec.training_data, []).append(f"**{spec.title}**")
    return "  \n".join(f"{_listed(names)}: {data[0].lower()}{data[1:]}" for data, names in titles.items())


def _controls() -> tuple[tuple[ModelSpec, ...], str]:
    specs = pick_models(MODELS, "Models (up to three)", MAX_MODELS, preselected=SIDE_BY_SIDE)
    fit = choose(
        "Resize mode",
        FITS,
        key=FIT,
        default=DEFAULTS[FIT],
        help="A network takes a square of a fixed size: every photo is resized first.",
    )
    st.caption(_availability_sentence())
    return specs, fit


def _availability_sentence() -> str:
    count = len(usable_models("classification"))
    here = (
        "Only the bundled model is on this machine and works offline."
        if count == 1
        else f"{count} models are on this machine and work offline."
    )
    return f"{here} You can download others in the tab *Models*." if max_concurrent() else here


@photo_cache(queued=True)
def classified(photo: Photo, key: str, fit: str) -> Classification:
    """Return a network's prediction for a photo; cached and shared, so it must not be modified.

    Raises:
        ModelUnavailable: If the network cannot be loaded.
    """
    classifier = load_classifier(key)
    return keep_time(key, timed_warm(classifier, lambda: classifier.predict(photo.pixels, fit)))


def _predictions(photo: Photo, specs: Sequence[ModelSpec], fit: str) -> list[tuple[ModelSpec, Classification]]:
    """Show each network's top-5 predictions side by side; return the predictions of the networks that could run."""
    grid = st.grid(len(specs), min_column_width=180, gap=("small", "medium"))
    predictions = []
    for spec in specs:
        with grid.cell():
            st.markdown(f"**{spec.title}**")
            try:
                with st.spinner("Running the network…"):
                    prediction = classified(photo, spec.key, fit)
            except ModelUnavailable as error:
                st.error(plain(str(error)), icon=":material/cloud_off:")
                continue
            _show_prediction(spec, prediction)
            predictions.append((spec, prediction))
    return predictions


def _show_photo(photo: Photo, specs: Sequence[ModelSpec], fit: str) -> None:
    crop = max(spec.crop for spec in specs)  # crops differ by an eighth; the largest is framed
    draw_on_photo(
        photo,
        fit,
        input_box(photo.size, fit, crop),
        key="classify_photo",
        caption="",
        alt="The photo",
        crop=crop,
        max_height=170,  # the predictions are on the same screen
    )


def _taken(specs: Sequence[ModelSpec], fit: str) -> str:
    """Describe the crop that the networks use, naming the networks whose crop is smaller."""
    crop = max(spec.crop for spec in specs)
    smaller = [spec for spec in specs if spec.crop < crop]
    if fit != "crop" or not smaller:
        return _TAKES[fit]
    names = _listed([spec.title for spec in smaller])
    return f"{_TAKES[fit]} {names}: only the central {percent(smaller[0].crop / crop)} of its sides."


def _show_prediction(spec: ModelSpec, prediction: Classification) -> None:
    labels, probabilities = zip(*prediction.top(5), strict=True)
    probability_bars(labels, np.array(probabilities), caption=f"The five most probable classes of {spec.title}")
    height, width = spec.input_size
    where = on_device(prediction.device, prediction.engine)
    st.caption(f"**{duration(prediction.milliseconds)}** {where}, for {width} × {height} pixels.")


def agreement(predictions: Sequence[tuple[str, Classification]]) -> str:
    """Describe whether the networks' top-1 predictions agree; only networks with the same classes are compared.

    Args:
        predictions: (title, prediction) pairs of two or more networks.
    """
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for title, prediction in predictions:
        groups.setdefault(prediction.labels, []).append((title, prediction.top(1)[0][0]))
    sentences = [_one_group(group) for group in groups.values() if len(group) > 1]
    alone = [title for group in groups.values() if len(group) == 1 for title, _ in group]
    if not sentences:
        return f"These models have different classes, so their predictions are not compared: {_listed(alone)}."
    if alone:
        sentences.append(f"{_listed(alone)} has other classes and is not compared.")
    return " ".join(sentences)


def _one_group(group: Sequence[tuple[str, str]]) -> str:
    labels = [label for _, label in group]
    common = max(labels, key=labels.count)
    count = labels.count(common)
    if count == len(group):
        return f"**{'Both' if count == 2 else f'All {_NUMBERS[count].lower()}'} predict “{common}”.**"
    others = _listed([f"{title} predicts “{label}”" for title, label in group if count == 1 or label != common])
    if count == 1:
        return f"**{'They disagree' if len(group) == 2 else 'No two agree'}:** {others}."
    return f"**{_NUMBERS[count]} of {_NUMBERS[len(group)].lower()} predict “{common}”;** {others}."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
