"""`explain --task classify`: one class of a classifier."""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from cnn_demo.explaining.tasks import Explained, ExplainTask, timed
from cnn_demo.exports.evidence import versions
from cnn_demo.images import Photo
from cnn_demo.models import Model
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.classification.units import input_box
from cnn_demo.models.explanation.curves import deletion_curve, insertion_curve
from cnn_demo.models.explanation.explain import CAMS, METHODS, explain
from cnn_demo.models.explanation.feature_maps import convolutional_layers, map_layers
from cnn_demo.results import percent
from cnn_demo.terminal import Progress


class ExplainClass(ExplainTask):
    """One class of a classifier."""

    name = "classify"
    tasks = ("classification",)
    methods = {"layer_cam": METHODS["layer_cam"]} | METHODS
    options_used = ("index", "class_name", "layer", "fit")
    model: Classifier

    def __init__(self, model: Model, options: argparse.Namespace) -> None:
        super().__init__(model, options)
        if not isinstance(model, Classifier):
            raise ValueError(f"“{model.spec.title}” is no classifier.")
        if self.class_id is not None and options.index is not None:
            raise ValueError("Give either --class or --index: the index is the rank of a class.")
        if (options.index or 0) >= len(model.labels):
            raise ValueError(f"There are ranks 0 to {len(model.labels) - 1}, and no {options.index}.")
        self.layer = None
        if self.methods[self.method].needs_layer:
            self.layer = options.layer or convolutional_layers(model.network)[-1]
            if self.layer not in map_layers(model.network):
                raise ValueError(
                    f"There is no layer {options.layer!r}: choose one of {', '.join(map_layers(model.network))}."
                )

    def explain(self, photo: Photo) -> Explained:
        """Explain the class of `--class`, or of the rank `--index`."""
        model, fit = self.model, self.options.fit or "crop"
        seen = model.prepare(photo.pixels, fit)
        probabilities = model.predict(photo.pixels, fit).probabilities
        order = np.argsort(-probabilities, kind="stable")
        chosen = int(order[self.options.index or 0]) if self.class_id is None else self.class_id
        with Progress(self.methods[self.method].title) as progress:
            values, milliseconds = timed(
                lambda: explain(model, seen, chosen, self.method, self.layer, progress),
                warm=self.method in CAMS,
            )
        label, score = model.labels[chosen], float(probabilities[chosen])
        target = {"class": label, "rank": int(np.flatnonzero(order == chosen)[0]), "probability": round(score, 6)}
        return Explained(
            map=_on_photo(values, photo.size, fit, model.spec.crop),
            target=target,
            title=f"{label} {percent(score)}",
            layer=self.layer,
            class_score=score,
            milliseconds=milliseconds,
            deletion=deletion_curve(model, seen, chosen, values),
            insertion=insertion_curve(model, seen, chosen, values),
            versions=versions(),
        )


def _on_photo(values: np.ndarray, size: tuple[int, int], fit: str, crop: float) -> np.ndarray:
    """Place a map of the network's input on the photo, (H, W) float32; pixels outside the input are 0."""
    area = input_box(size, fit, crop)
    top, left, height, width = (int(side) for side in (area.row, area.column, area.height, area.width))
    large = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    on_photo = np.zeros(size, np.float32)
    rows = slice(max(top, 0), min(top + height, size[0]))
    columns = slice(max(left, 0), min(left + width, size[1]))
    on_photo[rows, columns] = large[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return np.clip(on_photo, 0, 1)
