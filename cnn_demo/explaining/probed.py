"""Tasks of `explain` whose predictions are targets of `models.explanation.one_prediction`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from cnn_demo.detections import data_column
from cnn_demo.detector_options import refuse_iou_without_nms
from cnn_demo.explaining.tasks import Explained, ExplainTask, NoTarget, timed
from cnn_demo.exports.evidence import versions
from cnn_demo.exports.full_size import file_boxes, file_size
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
from cnn_demo.models.explanation.targets import (
    SIDES,
    BoxTarget,
    ClassTarget,
    Part,
    PixelTarget,
    Target,
    candidate_target,
)
from cnn_demo.models.localization.localizers import Localizer
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.results import percent
from cnn_demo.terminal import Progress

TORCH_PACKAGES = ("torch", "torchvision", "ultralytics-opencv-headless", "openvino")
PART_TITLES: dict[Part, str] = {part: f"{part} side" for part in SIDES} | {"class": "class score", "box": "box"}


class ProbedTask(ExplainTask):
    """A task whose predictions are targets of `one_prediction`."""

    methods = TARGET_METHODS
    packages: ClassVar[tuple[str, ...] | None] = TORCH_PACKAGES

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
        class_score, box_iou = float(check.deletion.score[0]), None
        if isinstance(target, BoxTarget) and target.part != "class":
            box_iou = class_score
            probe = probe_of(model, photo.pixels, target.with_part("class"), options.side)
            class_score = probe.score(probe.picture)
        return Explained(
            map=found.map,
            target=facts,
            title=title,
            layer=found.layer,
            class_score=class_score,
            milliseconds=milliseconds,
            deletion=check.deletion,
            insertion=check.insertion,
            versions=versions(self.packages),
            boxes_xyxy=boxes_xyxy,
            box_iou=box_iou,
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
        refuse_iou_without_nms(options, model)

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


class ExplainPixel(ProbedTask):
    """The class of one pixel of a semantic segmentation."""

    name = "segment"
    tasks = ("semantic-segmentation",)
    options_used = ("pixel", "class_name", "layer", "masks", "side")
    model: SemanticSegmenter

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        super().__init__(model, options)
        if not isinstance(model, SemanticSegmenter) or not can_be_explained(model):
            raise ValueError(f"The pixels of {model.spec.title} cannot be explained: choose a U-Net as --model.")
        if options.pixel is None:
            raise ValueError("Name the pixel: --pixel X Y, in pixels of the photo's file.")

    def explain(self, photo: Photo) -> Explained:
        """Explain the class predicted at `--pixel`, or another one there."""
        (x, y), (height, width) = self.options.pixel, file_size(photo)
        if x >= width or y >= height:
            raise NoTarget(f"there is no pixel ({x}, {y}) in a photo of {width} × {height}")
        row, column = y * photo.size[0] // height, x * photo.size[1] // width
        prediction = self.model.predict(photo.pixels, side=self.options.side)
        class_id = int(prediction.class_map[row, column]) if self.class_id is None else self.class_id
        label = self.model.labels[class_id]
        facts = {"class": label, "pixel_xy": [x, y], "predicted": self.model.labels[prediction.class_map[row, column]]}
        reach = max(height, width) / 80
        mark = np.array([[x - reach, y - reach, x + reach, y + reach]], np.float32)
        target = PixelTarget(row, column, class_id)
        return self._explained(photo, target, facts, f"{label} at pixel ({x}, {y})", mark)


class ExplainObject(ProbedTask):
    """The class or the box of a localizer."""

    name = "localize"
    tasks = ("localization",)
    options_used = ("class_name", "part", "masks", "layer")
    packages = None
    model: Localizer

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        super().__init__(model, options)
        if not isinstance(model, Localizer):
            raise ValueError(f"“{model.spec.title}” is no localizer.")
        if self.class_id is not None and options.part not in (None, "class"):
            raise ValueError("The box of a localizer has no class: leave --class out.")

    def explain(self, photo: Photo) -> Explained:
        """Explain the predicted class, the class `--class`, or the box."""
        prediction = self.model.predict(photo.pixels)
        part: Part = self.options.part or "class"
        if prediction.box_xyxy is None and (part != "class" or self.class_id is None):
            raise NoTarget("there is no object of the network's classes on it")
        class_id = self.class_id
        if class_id is None:
            class_id = self.model.labels.index(str(prediction.label))
        label = self.model.labels[class_id]
        facts: dict[str, Any] = {"class": label, "part": part}
        box = None
        if prediction.box_xyxy is not None:
            box = file_boxes(photo, prediction.box_xyxy[None])
            facts["box_xyxy"] = [round(float(value), 1) for value in box[0]]
        target: Target = ClassTarget(class_id)
        if part != "class" and prediction.box_xyxy is not None:
            x1, y1, x2, y2 = prediction.box_xyxy.tolist()
            target = BoxTarget(class_id, (x1, y1, x2, y2), part=part)
        return self._explained(photo, target, facts, f"{label}, {PART_TITLES[part]}", box)


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
