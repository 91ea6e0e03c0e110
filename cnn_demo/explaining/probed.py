"""Tasks of `explain` whose predictions are targets of `models.explanation.one_prediction`: boxes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnn_demo.detections import data_column
from cnn_demo.explaining.tasks import Explained, ExplainTask, NoTarget, timed
from cnn_demo.exports.evidence import versions
from cnn_demo.exports.full_size import file_boxes
from cnn_demo.images import Photo
from cnn_demo.models import Model
from cnn_demo.models.detection.candidates import IOU, Candidates, select
from cnn_demo.models.detection.detector import Detector
from cnn_demo.models.explanation.masking import MASKS, Masking
from cnn_demo.models.explanation.one_prediction import (
    GRADIENT_METHODS,
    TARGET_METHODS,
    can_be_explained,
    explain_prediction,
    probe_of,
)
from cnn_demo.models.explanation.target_curves import check_map
from cnn_demo.models.explanation.targets import SIDES, Part, Target, candidate_target
from cnn_demo.results import percent
from cnn_demo.terminal import Progress

TORCH_PACKAGES = ("torch", "torchvision", "ultralytics-opencv-headless", "openvino")
PART_TITLES: dict[Part, str] = {part: f"{part} side" for part in SIDES} | {"class": "class score", "box": "box"}


class ProbedTask(ExplainTask):
    """A task whose predictions are targets of `one_prediction`."""

    methods = TARGET_METHODS

    def _explained(
        self,
        photo: Photo,
        target: Target,
        facts: Mapping[str, Any],
        title: str,
        boxes_xyxy: np.ndarray | None = None,
    ) -> Explained:
        """Explain a target, and test the map."""
        model, options = self.model, self.options
        settings = {"layer": options.layer, "side": options.side, "masks": options.masks or MASKS}
        with Progress(self.methods[self.method].title) as progress:

            def report(state: Masking) -> bool:
                progress(state.done / state.total)
                return True

            found, milliseconds = timed(
                lambda: explain_prediction(model, photo.pixels, target, self.method, report=report, **settings),
                warm=self.method in GRADIENT_METHODS,
            )
        with Progress("Deletion and insertion") as progress:
            probe = probe_of(model, photo.pixels, target, options.side)
            check = check_map(probe, found.map, report=progress)
        return Explained(
            map=found.map,
            target=facts,
            title=title,
            layer=found.layer,
            score=found.score,
            milliseconds=milliseconds,
            deletion=check.deletion,
            insertion=check.insertion,
            versions=versions(TORCH_PACKAGES),
            boxes_xyxy=boxes_xyxy,
        )


class ExplainBox(ProbedTask):
    """One box of a detector."""

    name = "detect"
    tasks = ("detection", "instance-segmentation")
    options_used = ("index", "class_name", "part", "layer", "masks", "side", "confidence", "iou")
    model: Detector

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        super().__init__(model, options)
        if not isinstance(model, Detector) or not can_be_explained(model):
            raise ValueError(f"The boxes of {model.spec.title} cannot be explained: choose another --model.")

    def explain(self, photo: Photo) -> Explained:
        """Explain the box `--index`, of those that `detect` prints, or of those of one class."""
        candidates = self.model.candidates(photo.pixels, self.options.side)
        index = self._candidate(candidates)
        part: Part = self.options.part or "class"
        target = candidate_target(candidates, index, part)
        label, confidence = candidates.labels[target.class_id], float(candidates.scores[index])
        box = file_boxes(photo, candidates.visible(np.array([index])))
        facts = {
            "class": label,
            "confidence": round(confidence, 4),
            "box_xyxy": [round(float(value), 1) for value in box[0]],
            "part": part,
        }
        facts |= _cell(candidates, index)
        return self._explained(photo, target, facts, f"{label} {percent(confidence)}, {PART_TITLES[part]}", box)

    def _candidate(self, candidates: Candidates) -> int:
        confidence, classes = self.options.confidence, None if self.class_id is None else [self.class_id]
        confidence = self.model.spec.threshold if confidence is None else confidence
        iou = IOU if self.options.iou is None else self.options.iou
        found = select(candidates, confidence, iou, classes).detections()
        index, count = self.options.index or 0, len(found)
        if index >= count:
            what = "object" if self.class_id is None else candidates.labels[self.class_id]
            limit = f"above the confidence threshold of {percent(confidence)}"
            if not count:
                raise NoTarget(f"there is no {what} {limit}: try a lower --confidence")
            choice = "choose --index 0" if count == 1 else f"choose --index from 0 to {count - 1}"
            raise NoTarget(f"there is no {what} {index} {limit}: {choice}")
        return int(data_column(found, "candidate")[index])


def _cell(candidates: Candidates, index: int) -> dict[str, Any]:
    """Return the pyramid level and the cell that predicted a box, if the detector has cells."""
    if candidates.cells is None:
        return {}
    level, row, column = candidates.cells[index].tolist()
    grid = candidates.grids[level]
    return {
        "level": {"index": level, "stride": grid.stride, "rows": grid.rows, "columns": grid.columns},
        "cell": {"row": row, "column": column},
    }
