"""Kernel families: name, description, function that makes the weights, and parameters."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Parameter:
    """One setting of a kernel family.

    Attributes:
        name: the keyword that `kernel` takes.
        label: label of the slider.
        minimum: smallest value; None for a choice.
        maximum: largest value; None for a choice.
        default: default value.
        step: distance between values on a slider; an "int" must lie on a step, a "float" need not.
        kind: "int", "float" or "choice".
        unit: "px", "°" or empty.
        help: one sentence for the visitor.
        choices: the values of a choice.
    """

    name: str
    label: str
    minimum: float | None
    maximum: float | None
    default: float | str
    step: float | None
    kind: str
    unit: str
    help: str
    choices: tuple[int | str, ...] = ()

    def check(self, value: float | str) -> float | str:
        """Return the value in the type of its kind.

        Raises:
            ValueError: if it is out of range, in one sentence with the range.
        """
        if self.kind == "choice":
            if value not in self.choices:
                raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}.")
            return value
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not self.minimum <= value <= self.maximum:
            raise ValueError(f"{self.name} must lie between {self.minimum} and {self.maximum}, not {value!r}.")
        if self.kind == "float":
            return float(value)
        if (value - self.minimum) % self.step:
            whole = "a whole number" if self.step == 1 else f"{self.minimum} plus a multiple of {self.step}"
            raise ValueError(f"{self.name} must be {whole}, not {value!r}.")
        return int(value)

    def nearest(self, value: float | str) -> float | str:
        """Return the closest value that `check` accepts: a link may hold one that no slider can be dragged to."""
        if self.kind == "choice":
            return value if value in self.choices else self.default
        value = min(max(value, self.minimum), self.maximum)
        return value if self.kind == "float" else self.minimum + round((value - self.minimum) / self.step) * self.step


@dataclass(frozen=True)
class KernelFamily:
    """Kernels that differ only in their parameters.

    Attributes:
        name: key in `KERNELS`.
        title: display name.
        sentence: description of the kernel's effect on a photo.
        parameters: its settings, in the order of the function's arguments.
        function: takes the parameters by name, returns (kh, kw) float32.
        signed: whether results lie around zero (show them around mid-grey, or their magnitude), not around the photo.
        group: "smooth", "sharpen", "edges" or "patterns".
    """

    name: str
    title: str
    sentence: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., np.ndarray]
    signed: bool
    group: str
