"""The trail: one step for each change of the photo, with a bar for each network; a click goes back to a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.pictures import png_url
from cnn_demo.results import percent
from cnn_demo.ui.components.annotator import replace_drawing
from cnn_demo.ui.components.tiles import Tile, tiles
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.charts import chart_colours
from cnn_demo.ui.widgets.cover.surface import CANVAS, CHANGE, FILL, PATCHES, SMOOTHING

MAX_STEPS = 24  # the untouched photo, and the last ones
_KEPT = 20  # trails of a session
_TRAILS = "cover_trails"
_HEIGHT, _WIDTH, _GAP = 40, 44, 2  # of a step's bars, in pixels
_TRACK = (128, 140, 165, 64)


@dataclass(frozen=True)
class Measure:
    """A probability that is followed.

    Attributes:
        model: Title of the network.
        label: The class.
        before: Probability for the untouched photo.
        now: Probability for the edited photo.
        instead: The prediction for the edited photo, if it is another class.
    """

    model: str
    label: str
    before: float
    now: float
    instead: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Network and class, which a step's probabilities belong to."""
        return self.model, self.label


@dataclass
class Step:
    """An edit, and the probabilities after it by network and class."""

    edit: Edit
    values: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass
class Trail:
    """The steps, of which the first is the untouched photo, and the index of the step that is shown."""

    steps: list[Step] = field(default_factory=lambda: [Step(Edit())])
    at: int = 0

    def follow(self, edit: Edit, measures: Sequence[Measure]) -> None:
        """Go to the step of an edit: the nearest with it, or a new one after the present one, which drops later ones.

        Args:
            edit: The edit that is shown.
            measures: Its probabilities.
        """
        same = [index for index, step in enumerate(self.steps) if step.edit == edit]
        if same:
            self.at = min(same, key=lambda index: abs(index - self.at))
        else:
            self.steps = [*self.steps[: self.at + 1], Step(edit)]
            if len(self.steps) > MAX_STEPS:
                del self.steps[1]
            self.at = len(self.steps) - 1
        self.steps[0].values.update({each.key: each.before for each in measures})
        self.steps[self.at].values.update({each.key: each.now for each in measures})


def trail_of(name: str) -> Trail:
    """Return the trail of a photo on a page; the session keeps it.

    Args:
        name: Name of the page's tab and of the photo.
    """
    trails: dict[str, Trail] = SESSION.setdefault(_TRAILS, {})
    trail = trails.pop(name, None) or Trail()
    trails[name] = trail
    while len(trails) > _KEPT:
        trails.pop(next(iter(trails)))
    return trail


def show_trail(name: str, drawing: str, edit: Edit, measures: Sequence[Measure]) -> None:
    """Add the edit to the trail, if it is new, and show the trail.

    Args:
        name: Name of the trail.
        drawing: Name of the drawing on the annotator.
        edit: The edit that is shown.
        measures: Its probabilities, at most one for each colour of the charts.
    """
    trail = trail_of(name)
    trail.follow(edit, measures)
    colours = chart_colours()
    _legend(measures, colours)
    tiles(
        png_url(np.concatenate([_bars(step.values, measures, colours) for step in trail.steps])),
        [_tile(index, step, measures) for index, step in enumerate(trail.steps)],
        (_HEIGHT, _WIDTH),
        key="cover_trail",
        label="Steps: choose one to go back to it",
        chosen=trail.at,
        on_pick=lambda index: _go_to(name, drawing, index),
        width=_WIDTH + 8,
        max_height=150,
    )
    st.caption("One step for each change, with the bars of these classes. Choose a step to go back to it.")


def _go_to(name: str, drawing: str, index: int) -> None:
    trail = trail_of(name)
    if index >= len(trail.steps):
        return
    trail.at = index
    edit = trail.steps[index].edit
    replace_drawing(CANVAS, drawing, edit.shapes)
    if edit.shapes:
        SESSION[FILL] = edit.fill
    SESSION[CHANGE] = edit.change
    if edit.change == "shape":
        SESSION[PATCHES] = edit.patches
    if edit.change == "texture":
        SESSION[SMOOTHING] = edit.smoothing


def _tile(index: int, step: Step, measures: Sequence[Measure]) -> Tile:
    known = [(each, step.values[each.key]) for each in measures if each.key in step.values]
    values = ", ".join(f"{each.label} {percent(value)} ({each.model})" for each, value in known)
    title = f"Step {index}" if index else "The untouched photo"
    caption = f"{index} · {whole_percent(known[0][1])}" if known else str(index)
    return Tile(index, f"{title}: {values}" if values else title, caption)


def whole_percent(fraction: float) -> str:
    """Format a fraction in the few characters of a tile; like `percent`, it never rounds to 100% or 0%."""
    if 0.995 <= fraction < 1:
        return ">99%"
    if 0 < fraction <= 0.005:
        return "<1%"
    return f"{fraction:.0%}"


def _bars(values: Mapping[tuple[str, str], float], measures: Sequence[Measure], colours: Sequence[str]) -> np.ndarray:
    """Draw a step: (_HEIGHT, _WIDTH, 4) uint8, a bar for each network in front of its track."""
    drawn = np.zeros((_HEIGHT, _WIDTH, 4), np.uint8)
    count = max(len(measures), 1)
    width = (_WIDTH - _GAP * (count - 1)) // count
    for index, (each, colour) in enumerate(zip(measures, colours, strict=False)):
        left = index * (width + _GAP)
        drawn[:, left : left + width] = _TRACK
        if each.key in values:
            height = max(1, round(_HEIGHT * values[each.key]))
            drawn[_HEIGHT - height :, left : left + width] = (*bytes.fromhex(colour[1:]), 255)
    return drawn


def _legend(measures: Sequence[Measure], colours: Sequence[str]) -> None:
    """Describe each network's bar of the step that is shown."""
    lines = []
    for each, colour in zip(measures, colours, strict=False):
        change = "" if each.now == each.before else f" → **{percent(each.now)}**"
        instead = f"; now “{each.instead}”" if each.instead else ""
        square = f'<span style="color:{colour}">■</span>'
        lines.append(f"{square} {each.model}: “{each.label}” {percent(each.before)}{change}{instead}")
    st.markdown("  \n".join(lines), unsafe_allow_html=True)
