"""Views that the tabs *Explain* share: a map over the photo, maps beside each other, and how they were computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cnn_demo.drawing.heatmaps import overlay, peak_position
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.machine import IN_HALF
from cnn_demo.models.explanation.one_prediction import GRADIENT_METHODS, Explanation
from cnn_demo.models.explanation.probe import Probe
from cnn_demo.results import percent
from cnn_demo.ui.components.picture import LabelledBox, Mark, picture
from cnn_demo.ui.widgets import masking_job
from cnn_demo.ui.widgets.choice import choose
from cnn_demo.ui.widgets.curve_charts import curves_of
from cnn_demo.ui.widgets.masking_job import perturbation
from cnn_demo.ui.widgets.picture_cards import Card

SHOWN_SIDE, CARD_SIDE = 800, 360  # pixels of the longer side that are sent to the browser
MAX_HEIGHT = 430  # CSS pixels
GRAD_CAM_NOTE = "The Grad-CAMs average each gradient over all positions: similar objects elsewhere light up as well."


def pick_method(key: str, default: str, titles: Mapping[str, str], note: str) -> str:
    """Let the visitor choose a gradient-based method.

    Args:
        key: Widget key, and the name in the link.
        default: One of `titles`.
        titles: Titles of methods, by their keys in `GRADIENT_METHODS`.
        note: Last paragraph of the help text.
    """
    lines = [f"- **{title}**: {GRADIENT_METHODS[name].sentence}" for name, title in titles.items()]
    return choose("Method", titles, key=key, default=default, help="\n".join(lines) + f"\n\n{note}")


def where_brightest(values: np.ndarray) -> str:
    """Return in words where a map (H, W) is brightest."""
    return f"brightest at the {peak_position(values)}" if values.any() else "zero everywhere"


def heat_picture(
    photo: Photo,
    values: np.ndarray,
    opacity: float,
    *,
    key: str,
    subject: str,
    caption: str,
    marks: Sequence[Mark] = (),
    boxes: Sequence[LabelledBox] = (),
    on_pick: Callable[[int, int], None] | None = None,
) -> None:
    """Show a map over the photo.

    Args:
        photo: The photo.
        values: (H, W) map at the photo's size, 0 to 1.
        opacity: Opacity of the map, 0 to 1.
        key: Widget key.
        subject: The prediction whose reasons it shows, such as "this box".
        caption: Line under it.
        marks: Rectangles on it.
        boxes: Boxes on it.
        on_pick: Callback with the row and column that the visitor picks.
    """
    picture(
        jpeg_url(overlay(reduced(photo.pixels, SHOWN_SIDE), reduced(values, SHOWN_SIDE), opacity)),
        photo.size,
        key=key,
        alt=f"A heatmap over the photo, {where_brightest(values)}: the influence of each pixel on {subject}. "
        f"{photo.description}",
        caption=caption,
        max_height=MAX_HEIGHT,
        marks=marks,
        boxes=boxes,
        on_pick=on_pick,
        step=(4, 4),
    )


def heat_card(photo: Photo, values: np.ndarray, opacity: float, title: str, lines: tuple[str, ...] = ()) -> Card:
    """Return a small map over the photo; for the arguments, see `heat_picture`."""
    small = reduced(photo.pixels, CARD_SIDE)
    return Card(
        jpeg_url(overlay(small, reduced(values, CARD_SIDE), opacity)),
        f"A heatmap over the photo for {title}, {where_brightest(values)}.",
        title,
        lines,
    )


def other_engine(engine: str, explained: float, predicted: float) -> str:
    """Return in a sentence that PyTorch, in float32, explains a prediction made otherwise; "" if both are the same.

    Args:
        engine: Name of the engine that predicts.
        explained: Score of the target in PyTorch.
        predicted: The same by the other engine.
    """
    if engine == "torch":
        return ""
    if engine == IN_HALF:
        scores = f"{percent(explained)} in float32 and {percent(predicted)} in half precision"
        return f" The score of this class is {scores}."
    return (
        f"{loaded_in_torch(engine)} Its score of this class is {percent(explained)}, in {engine} {percent(predicted)}."
    )


def loaded_in_torch(engine: str) -> str:
    """Return in a sentence that the network of another engine was loaded in PyTorch, too; "" if PyTorch predicts."""
    if engine in ("torch", IN_HALF):
        return ""
    return (
        f" {engine}, which predicts here, computes no gradients: the same network was loaded in PyTorch for them, once."
    )


def without_gradients(
    photo: Photo,
    name: tuple,
    probe: Probe,
    explanation: Explanation,
    milliseconds: float,
    unit: str,
    draw: Callable[[np.ndarray], None],
) -> None:
    """Let the visitor explain the same prediction without gradients, and test that map by its curves.

    Args:
        photo: The photo.
        name: Everything the explained target depends on.
        probe: The target.
        explanation: Its explanation by gradients.
        milliseconds: Time of one run of the network.
        unit: Meaning of the score.
        draw: Function that draws a map.
    """
    masked = perturbation(name, probe, milliseconds, explanation.score, draw)
    if masked is not None:
        title = masking_job.TITLES[masked.method]
        curves_of(photo, name, title, probe, masked, milliseconds, unit, "explain_masked")
