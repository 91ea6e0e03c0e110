"""Page 6, evaluate: each error by its kind, on the photo and in tables, and the precision that mending would give."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from cnn_demo.drawing.boxes import GROUND_TRUTH, OTHER, WRONG
from cnn_demo.drawing.pictures import jpeg_url, reduced
from cnn_demo.images import Photo
from cnn_demo.models import ModelSpec
from cnn_demo.models.detection.error_kinds import (
    BACKGROUND,
    KINDS,
    Kind,
    Mistake,
    Mistakes,
    Predictions,
    find_mistakes,
    precision_gains,
)
from cnn_demo.ui.components.picture import labelled_boxes, picture
from cnn_demo.ui.widgets.detection_controls import MIN_SURE, boxes_of_count

SHOWN_SIDE, SHOWN_HEIGHT = 900, 460
COLOURS: dict[Kind, str] = {
    "classification": "#ffb000",
    "localization": "#ff8fd0",
    "both": "#b58cff",
    "duplicate": "#f0e442",
    "background": WRONG,
    "missed": OTHER,
}
MEANINGS: dict[Kind, str] = {
    "classification": "an accurate box with the wrong class",
    "localization": "the right class, but an inaccurate box",
    "both": "the wrong class and an inaccurate box",
    "duplicate": "a second box for an object that was found",
    "background": "a box where there is no object",
    "missed": "an object without a box",
}
_CELL = "padding:3px 10px 3px 0;border:0;text-align:left;vertical-align:top"
_SWATCH = "display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em;background:{}"


@dataclass(frozen=True, eq=False)
class Judged:
    """The predictions above the confidence threshold with their errors, and what mending each kind would give.

    Attributes:
        shown: The predictions above the threshold, and the ground truth.
        mistakes: Their errors.
        counts: Number of errors of each kind among all predictions, those below the threshold included.
        gains: Gain in average precision of each kind, of all predictions.
        foreground: IoU threshold of a match.
    """

    shown: Predictions
    mistakes: Mistakes
    counts: dict[Kind, int]
    gains: dict[Kind, float]
    foreground: float

    @classmethod
    def of(cls, every: Predictions, confidence: float, foreground: float) -> Judged:
        """Judge predictions.

        Args:
            every: All predictions that the average precision counts, and the ground truth.
            confidence: Confidence threshold.
            foreground: IoU threshold of a match.
        """
        above = every.scores > confidence
        shown = Predictions(
            every.boxes[above], every.scores[above], every.class_ids[above], every.true_boxes, every.true_class_ids
        )
        background = min(BACKGROUND, foreground)
        return cls(
            shown,
            find_mistakes(shown, foreground, background),
            find_mistakes(every, foreground, background).counts,
            precision_gains([every], foreground, background),
            foreground,
        )


def judged_picture(photo: Photo, spec: ModelSpec, judged: Judged) -> None:
    """Show the photo with the correct boxes, the errors in the colours of their kinds, and the missed objects."""
    shown, mistakes = judged.shown, judged.mistakes
    matches = mistakes.matches
    boxes = [shown.true_boxes[i] for i in mistakes.missed] + [shown.boxes[each.prediction] for each in mistakes.wrong]
    names = [f"missed: {spec.labels[shown.true_class_ids[i]]}" for i in mistakes.missed]
    names += [mistake.kind for mistake in mistakes.wrong]
    colours = [COLOURS["missed"]] * len(mistakes.missed) + [COLOURS[mistake.kind] for mistake in mistakes.wrong]
    right = np.flatnonzero(matches.right)
    boxes += [shown.boxes[matches.order[i]] for i in right]
    names += [f"{matches.overlap[i]:.2f}" for i in right]
    colours += [GROUND_TRUTH] * len(right)
    picture(
        jpeg_url(reduced(photo.pixels, SHOWN_SIDE)),
        photo.size,
        key="score_photo",
        alt=f"The photo with {boxes_of_count(len(shown.boxes))} judged. {photo.description}",
        max_height=SHOWN_HEIGHT,
        boxes=labelled_boxes(boxes, names, colours),
    )
    present = [("correct, with its IoU", GROUND_TRUTH)] if len(right) else []
    present += [(kind, COLOURS[kind]) for kind, count in mistakes.counts.items() if count]
    st.caption("**The predictions, judged.**" + (" No errors." if not sum(mistakes.counts.values()) else ""))
    st.html(
        '<div style="display:flex;flex-wrap:wrap;gap:2px 14px;font-size:14px">'
        + "".join(f"<span>{_swatch(colour)}{escape(name)}</span>" for name, colour in present)
        + "</div>"
    )


def _swatch(colour: str) -> str:
    return f'<span aria-hidden="true" style="{_SWATCH.format(colour)}"></span>'


def mistakes_by_kind(spec: ModelSpec, judged: Judged) -> None:
    """Show a table of the kinds with the gain in average precision of each, and one of all errors."""
    st.subheader("Errors by kind", anchor=False)
    st.html(_kinds_table(judged))
    st.caption(
        "Six kinds, as in [TIDE](https://arxiv.org/abs/2008.08115): a box is in the background up to an IoU of "
        f"{min(BACKGROUND, judged.foreground):.0%} with every object, and accurate from "
        f"{judged.foreground:.0%} on. An object that a wrong class or an inaccurate box points at is not missed. "
        "**Gain** is the rise of the mean average precision if all errors of that kind alone were mended, those "
        f"of boxes down to {MIN_SURE}% included."
    )
    if rows := mistake_rows(spec, judged):
        st.dataframe(
            pd.DataFrame(rows),
            key="score_mistakes",
            hide_index=True,
            height=min(35 * (len(rows) + 1) + 3, 320),
            alt="Each error with its kind and a sentence.",
            placeholder="",
            column_config={
                "kind": st.column_config.TextColumn("Kind", width="small"),
                "class": st.column_config.TextColumn("Class", width="small"),
                "confidence": st.column_config.NumberColumn("Confidence", format="%.0f%%", width="small"),
                "sentence": st.column_config.TextColumn("Why", width="large"),
            },
        )


def _kinds_table(judged: Judged) -> str:
    counts = judged.mistakes.counts
    head = "".join(
        f'<th scope="col" style="{_CELL};font-weight:600">{title}</th>'
        for title in ("Kind", "Shown", f"From {MIN_SURE}%", "Gain")
    )
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:400">{_swatch(COLOURS[kind])}<b>{kind}</b>: '
        f'{MEANINGS[kind]}</th><td style="{_CELL}">{counts[kind]}</td><td style="{_CELL}">{judged.counts[kind]}</td>'
        f'<td style="{_CELL};white-space:nowrap">{gain_text(judged.gains[kind])}</td></tr>'
        for kind in KINDS
    )
    style = "border-collapse:collapse;border:0;font-size:14px;font-variant-numeric:tabular-nums"
    return f'<table style="{style}" aria-label="Errors by kind"><tr style="border:0">{head}</tr>{rows}</table>'


def gain_text(gain: float) -> str:
    """Format a gain in average precision, such as "+0.12"; none is "0"."""
    return "–" if np.isnan(gain) else "0" if abs(gain) < 0.005 else f"{gain:+.2f}"


def mistake_rows(spec: ModelSpec, judged: Judged) -> list[dict[str, object]]:
    """Return a table row for each error above the threshold, the most confident first, missed objects last."""
    shown, rows = judged.shown, []
    for mistake in judged.mistakes.wrong:
        name = spec.labels[shown.class_ids[mistake.prediction]]
        true_name = "" if mistake.truth < 0 else spec.labels[shown.true_class_ids[mistake.truth]]
        rows.append(
            {
                "kind": mistake.kind,
                "class": name,
                "confidence": 100 * float(shown.scores[mistake.prediction]),
                "sentence": sentence(mistake, name, true_name, judged.foreground),
            }
        )
    for index in judged.mistakes.missed:
        name = spec.labels[shown.true_class_ids[index]]
        rows.append(
            {"kind": "missed", "class": name, "confidence": None, "sentence": f"No box was predicted for this {name}."}
        )
    return rows


def sentence(mistake: Mistake, name: str, true_name: str, foreground: float) -> str:
    """Explain one false positive.

    Args:
        mistake: The error.
        name: Predicted class.
        true_name: Class of the object; "" in the background.
        foreground: IoU threshold of a match.
    """
    iou = f"{mistake.overlap:.2f}"
    match mistake.kind:
        case "classification":
            return f"The box is accurate (IoU {iou}), but the ground truth is {true_name}, not {name}."
        case "localization":
            return f"The class is correct, but the box is not accurate: IoU {iou}, less than {foreground:.0%}."
        case "both":
            return f"The ground truth is {true_name}, not {name}, and the box is not accurate either: IoU {iou}."
        case "duplicate":
            return f"A more confident box has been matched to this {name} already (IoU {iou})."
        case _:
            return f"There is no object here: the highest IoU is {iou}."
