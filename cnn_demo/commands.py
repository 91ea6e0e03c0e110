"""Commands of the command line: the options of each, the settings of its predictions, and its output."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import cv2
import numpy as np
import supervision as sv

from cnn_demo.detections import data_column
from cnn_demo.detector_options import (
    DETECTOR_SETTINGS,
    add_detector_settings,
    detection_lines,
    detector_settings,
    refuse_iou_without_nms,
)
from cnn_demo.exports.boxes import as_json
from cnn_demo.exports.files import write_masks
from cnn_demo.exports.full_size import file_class_map, file_detections, file_localization, file_masks
from cnn_demo.images import Photo
from cnn_demo.models import Model, find
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.segmentation.segmenters import MODES
from cnn_demo.option_types import count, fraction, image_side
from cnn_demo.results import Classification, Localization, Segmentation
from cnn_demo.unused_options import refuse

Prediction = TypeVar("Prediction", bound=Classification | Localization | Segmentation | sv.Detections)
SEGMENTATION: tuple[Task, Task] = ("semantic-segmentation", "instance-segmentation")


class Command(ABC, Generic[Prediction]):
    """A command: its options, the settings of its predictions, and its output.

    Attributes:
        name: Name of the command.
        summary: Line in the list of commands.
        tasks: Tasks of its models, the preferred one first.
        options: The parsed options.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    tasks: ClassVar[tuple[Task, ...]]

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    @staticmethod
    @abstractmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add the options that other commands do not have."""

    def check(self, model: Model) -> None:
        """Refuse options that have no effect with this model.

        Raises:
            ValueError: If there is one.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of the model's `predict`."""

    @abstractmethod
    def as_json(self, prediction: Prediction) -> dict[str, Any]:
        """Return the part of the JSON object that this task adds."""

    @abstractmethod
    def as_text(self, prediction: Prediction) -> Iterator[str]:
        """Yield the lines of a prediction."""

    def in_file(self, photo: Photo, prediction: Prediction) -> Prediction:
        """Return a copy of the prediction in pixels of the photo's file; by default, there are no pixels in it."""
        return prediction

    def write(self, stem: str, photo: Photo, prediction: Prediction) -> tuple[Path, ...]:
        """Write the files of a prediction; most commands have none.

        Args:
            stem: Beginning of the names of the files.
            photo: The photo.
            prediction: The prediction on `photo.pixels`.

        Returns:
            The paths of the files.

        Raises:
            OSError: If a file cannot be written.
        """
        return ()

    def _options_named(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self.options, name) for name in names}


class Classify(Command[Classification]):
    """The most probable classes of each photo."""

    name = "classify"
    summary = "classify a photo"
    tasks = ("classification",)

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add `--fit` and `--top`."""
        parser.add_argument("--fit", default="crop", choices=tuple(FITS), help="how an oblong photo becomes square")
        parser.add_argument("--top", type=count, default=5, metavar="N", help="number of classes to print")

    def settings(self) -> dict[str, Any]:
        """Return how an oblong photo becomes square."""
        return self._options_named("fit")

    def as_json(self, prediction: Classification) -> dict[str, Any]:
        """Return the most probable class, and the `--top` most probable ones."""
        label, probability = prediction.top(1)[0]
        return {
            "label": label,
            "probability": round(probability, 6),
            "top": [{"label": name, "probability": round(p, 6)} for name, p in prediction.top(self.options.top)],
        }

    def as_text(self, prediction: Classification) -> Iterator[str]:
        """Yield one line for each of the `--top` most probable classes."""
        for label, probability in prediction.top(self.options.top):
            yield f"  {probability:6.1%}  {label}"


class Localize(Command[Localization]):
    """The class and box of one object."""

    name = "localize"
    summary = "predict the class and box of one object"
    tasks = ("localization",)

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add `--threshold`."""
        parser.add_argument("--threshold", type=fraction, help="confidence threshold, 0 to 1; default: the model's own")

    def settings(self) -> dict[str, Any]:
        """Return the confidence threshold."""
        return self._options_named("threshold")

    def in_file(self, photo: Photo, prediction: Localization) -> Localization:
        """Return a copy with the box in pixels of the photo's file."""
        return file_localization(photo, prediction)

    def as_json(self, prediction: Localization) -> dict[str, Any]:
        """Return label, probability, box and all probabilities."""
        return prediction.as_json()

    def as_text(self, prediction: Localization) -> Iterator[str]:
        """Yield one line: the object, or that there is none."""
        if prediction.box_xyxy is None:
            yield "  no object found"
        else:
            left, top, right, bottom = prediction.box_xyxy.round().astype(int).tolist()
            yield f"  {prediction.probability:6.1%}  {prediction.label}, from ({left}, {top}) to ({right}, {bottom})"


class Detect(Command[sv.Detections]):
    """The class and box of every object."""

    name = "detect"
    summary = "predict the class and box of every object"
    tasks = ("detection",)

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add the thresholds and `--side`."""
        add_detector_settings(parser)
        parser.add_argument(
            "--side", type=image_side, metavar="PIXELS", help="size to which the photo is resized for the network"
        )

    def check(self, model: Model) -> None:
        """Refuse `--iou` if the boxes need no NMS."""
        refuse_iou_without_nms(self.options, model)

    def settings(self) -> dict[str, Any]:
        """Return the thresholds and the image size."""
        return detector_settings(self.options)

    def in_file(self, photo: Photo, prediction: sv.Detections) -> sv.Detections:
        """Return a copy with boxes in pixels of the photo's file."""
        return file_detections(photo, prediction)

    def as_json(self, prediction: sv.Detections) -> dict[str, Any]:
        """Return all detections, and their number per class."""
        return as_json(prediction)

    def as_text(self, prediction: sv.Detections) -> Iterator[str]:
        """Yield one line for each detection."""
        yield from detection_lines(prediction)


class Segment(Command[Segmentation | sv.Detections]):
    """The class of every pixel, or the mask of every object."""

    name = "segment"
    summary = "segment a photo: a class for every pixel, or a mask for every object"
    tasks = SEGMENTATION

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Add `--out`, `--mode`, `--side` and the thresholds."""
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="folder for mask, overlay, cut-out, COCO and polygons"
        )
        parser.add_argument(
            "--mode", choices=tuple(MODES), help="semantic segmentation: in one pass (the default) or in tiles"
        )
        parser.add_argument(
            "--side", type=image_side, metavar="PIXELS", help="size to which the photo is resized for the network"
        )
        add_detector_settings(parser, "instance segmentation: ")

    @property
    def _semantic(self) -> bool:
        return find(self.options.model).task == SEGMENTATION[0]

    def check(self, model: Model) -> None:
        """Refuse the options of the other task: semantic or instance segmentation."""
        others = DETECTOR_SETTINGS if self._semantic else ("mode",)
        task = "semantic" if self._semantic else "instance"
        refuse(self.options, others, f"with {self.options.model}, a model of {task} segmentation")
        refuse_iou_without_nms(self.options, model)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the model's task: semantic or instance segmentation."""
        if self._semantic:
            return {"mode": self.options.mode or "whole", "side": self.options.side}
        return detector_settings(self.options)

    def in_file(self, photo: Photo, prediction: Segmentation | sv.Detections) -> Segmentation | sv.Detections:
        """Return a copy with boxes in pixels of the photo's file; for JSON also class map and `pixels` of each mask."""
        if isinstance(prediction, Segmentation):
            if not self.options.json:  # text has fractions alone, for which no map need be enlarged
                return prediction
            class_map = file_class_map(photo, prediction.class_map)
            confidence = cv2.resize(prediction.confidence, class_map.shape[::-1], interpolation=cv2.INTER_LINEAR)
            return replace(prediction, class_map=class_map, confidence=confidence, entropies=None, probabilities=None)
        found = file_detections(photo, prediction)
        if self.options.json:
            found.data["pixels"] = np.array([int(mask.sum()) for mask in file_masks(photo, prediction)], int)
        return found

    def as_json(self, prediction: Segmentation | sv.Detections) -> dict[str, Any]:
        """Return the fraction of each class, or all objects with the size of their masks in pixels."""
        if isinstance(prediction, Segmentation):
            return prediction.as_json()
        found = as_json(prediction)
        for row, pixels in zip(found["detections"], data_column(prediction, "pixels").tolist(), strict=True):
            row["pixels"] = pixels
        return found

    def as_text(self, prediction: Segmentation | sv.Detections) -> Iterator[str]:
        """Yield one line for each class, or for each object."""
        if isinstance(prediction, sv.Detections):
            yield from detection_lines(prediction)
        else:
            for label, part in prediction.coverage().items():
                yield f"  {part:6.1%}  {label}"

    def write(self, stem: str, photo: Photo, prediction: Segmentation | sv.Detections) -> tuple[Path, ...]:
        """Write masks, overlay, cut-out, COCO and polygons to the folder `--out`, if one is given."""
        if self.options.out is None:
            return ()
        return write_masks(self.options.out, stem, photo, prediction, find(self.options.model).labels)


COMMANDS: tuple[type[Command[Any]], ...] = (Classify, Localize, Detect, Segment)
