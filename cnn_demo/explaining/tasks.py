"""Common base of the tasks of the command `explain`."""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np

from cnn_demo.command_line import NoPrediction
from cnn_demo.images import Photo
from cnn_demo.models import Model
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.models.detection.candidates import class_indices
from cnn_demo.models.explanation.curves import Curve
from cnn_demo.models.explanation.explain import Method
from cnn_demo.unused_options import refuse

Result = TypeVar("Result")


class NoTarget(NoPrediction):
    """A photo lacks the prediction that is to be explained."""


@dataclass(frozen=True, eq=False)
class Explained:
    """An explanation with its test.

    Attributes:
        map: (H, W) float32 on `photo.pixels`, 0 to 1.
        target: The prediction: texts, numbers, and boxes in pixels of the photo's file.
        title: The prediction in a few words.
        layer: Layer whose feature maps were used; None if there is none.
        class_score: Score of the target's class on the photo, 0 to 1.
        box_iou: IoU of the predicted box with the target, 0 to 1, if a box or one of its sides is explained; the curves
            then show it. None if they show the score of the class.
        milliseconds: Time of the explanation, without loading.
        deletion: Deletion curve of the map.
        insertion: Insertion curve of the map.
        versions: Versions of the app and of the packages.
        boxes_xyxy: (N, 4) boxes of the target, in pixels of the file.
    """

    map: np.ndarray = field(repr=False)
    target: Mapping[str, Any]
    title: str
    layer: str | None
    class_score: float
    milliseconds: float
    deletion: Curve
    insertion: Curve
    versions: Mapping[str, str]
    boxes_xyxy: np.ndarray | None = None
    box_iou: float | None = None


class ExplainTask(ABC):
    """A kind of prediction that can be explained.

    Attributes:
        name: Value of `--task`.
        tasks: Tasks of its models, the preferred one first.
        methods: Values of `--method`, the default first.
        options_used: Options that not all tasks have.
        model: The model.
        options: The parsed options.
        method: The chosen method.
        class_id: Index of the class `--class`; None without one.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[Task, ...]]
    methods: ClassVar[Mapping[str, Method]]
    options_used: ClassVar[tuple[str, ...]]
    model: Model

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        """Check the options.

        Raises:
            ValueError: If there is no such method, class or layer, or an option has no effect with the method.
        """
        self.model = model
        self.options = options
        method = (options.method or next(iter(self.methods))).replace("-", "_")
        if method not in self.methods:
            raise ValueError(
                f"There is no method {options.method!r} for {self.name}: choose one of {', '.join(self.methods)}."
            )
        self.method = method
        if not self.methods[method].needs_layer:
            refuse(options, ["layer"], f"with --method {method}, which needs no layer")
        if method != "d_rise":
            refuse(options, ["masks"], f"with --method {method}, only with d_rise")
        self.class_id = None if options.class_name is None else class_indices([options.class_name], model.labels)[0]

    @abstractmethod
    def explain(self, photo: Photo) -> Explained:
        """Explain one prediction of a photo.

        Raises:
            NoTarget: If the photo lacks it.
            SettingError: If a setting is wrong for every photo.
        """


def timed(explain: Callable[[], Result], *, warm: bool) -> tuple[Result, float]:
    """Return an explanation and its milliseconds.

    Args:
        explain: Function that computes it.
        warm: Whether to call it twice and time the second call: the first one compiles, and loads the torch network.
    """
    if warm:
        explain()
    start = time.perf_counter()
    return explain(), (time.perf_counter() - start) * 1000
