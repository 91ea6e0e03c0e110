"""What *Why* asks of a network, and the explanation that it gets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models.explanation.explain import METHODS


@dataclass(frozen=True)
class Question:
    """What is to be explained: the class, and the layer that its maps are drawn from."""

    label: str
    label_index: int
    layer: str

    def layer_for(self, method: str) -> str | None:
        """The layer, for a method that looks at one."""
        return self.layer if METHODS[method].needs_layer else None


@dataclass(frozen=True, eq=False)
class Explanation:
    """A map (h, w) in 0..1, and how long it took."""

    values: np.ndarray = field(repr=False)
    milliseconds: float
