"""Target and result of an explanation in the tab *Explain*."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.explanation.explain import METHODS


@dataclass(frozen=True)
class Question:
    """Target of an explanation: the class, and the layer whose feature maps are used."""

    label: str
    label_index: int
    layer: str

    def layer_for(self, method: str) -> str | None:
        """Return the layer if the method uses one, else None."""
        return self.layer if METHODS[method].needs_layer else None


@dataclass(frozen=True, eq=False)
class Explanation:
    """A saliency map (h, w) in 0..1, and its computation time."""

    values: np.ndarray = field(repr=False)
    milliseconds: float
