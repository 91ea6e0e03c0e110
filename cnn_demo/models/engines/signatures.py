"""Types of the functions that the engines compile, all from NumPy arrays to NumPy arrays."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Forward: TypeAlias = Callable[..., Any]
"""From images (N, h, w, 3) float32, or one array for each input, to arrays in the structure of the outputs."""
InputGradient: TypeAlias = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From images (N, h, w, 3) and a seed, both float32, to gradients (N, h, w, 3)."""
MapGradient: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From images (N, h, w, 3) and a seed, both float32, to feature maps and gradients, both (N, H, W, C)."""
ValueGradients: TypeAlias = Callable[[Sequence[np.ndarray], np.ndarray, np.ndarray], list[np.ndarray]]
"""From values, inputs (N, ...) and targets (N, ...), all float32, to one gradient for each value."""
