"""Kernel families: name, description, function that makes the weights, and parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, kw_only=True)
class IntParameter:
    """An integer parameter of a kernel family, such as a size in pixels.

    Attributes:
        name: Keyword argument of `kernel`.
        label: Label of the slider.
        minimum: Smallest value.
        maximum: Largest value.
        default: Default value.
        step: Distance between values, counted from the smallest.
        unit: "px" or empty.
        help: One sentence for the visitor.
    """

    name: str
    label: str
    minimum: int
    maximum: int
    default: int
    step: int = 1
    unit: str = ""
    help: str

    def check(self, value: object) -> int:
        """Return the value as an int that the slider can show.

        Raises:
            ValueError: If it is out of range or between two steps, in one sentence.
        """
        number = _number_between(self.name, value, self.minimum, self.maximum)
        if (number - self.minimum) % self.step:
            allowed = "an integer" if self.step == 1 else f"{self.minimum} plus a multiple of {self.step}"
            raise ValueError(f"{self.name} must be {allowed}, not {value!r}.")
        return int(number)

    def nearest(self, value: float) -> int:
        """Return the step nearest to a value, which may be out of range or between two steps in a link."""
        inside = min(max(value, self.minimum), self.maximum)
        return self.minimum + round((inside - self.minimum) / self.step) * self.step


@dataclass(frozen=True, kw_only=True)
class FloatParameter:
    """A continuous parameter of a kernel family, such as an angle or a standard deviation.

    Attributes:
        name: Keyword argument of `kernel`.
        label: Label of the slider.
        minimum: Smallest value.
        maximum: Largest value.
        default: Default value.
        step: Distance between values on the slider; values between them are accepted as well.
        unit: "px", "°" or empty.
        help: One sentence for the visitor.
    """

    name: str
    label: str
    minimum: float
    maximum: float
    default: float
    step: float
    unit: str = ""
    help: str

    def check(self, value: object) -> float:
        """Return the value as a float anywhere in the range.

        Raises:
            ValueError: If it is out of range, in one sentence with the range.
        """
        return float(_number_between(self.name, value, self.minimum, self.maximum))

    def nearest(self, value: float) -> float:
        """Return the value, clipped to the range."""
        return min(max(value, self.minimum), self.maximum)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A parameter of a kernel family with a few named values, such as a distribution.

    Attributes:
        name: Keyword argument of `kernel`.
        label: Label of the control.
        choices: The values to choose from.
        default: Default value.
        help: One sentence for the visitor.
    """

    name: str
    label: str
    choices: tuple[int | str, ...]
    default: int | str
    help: str

    def check(self, value: object) -> int | str:
        """Return the choice that equals the value.

        Raises:
            ValueError: If it is none of them, in one sentence that names all.
        """
        for choice in self.choices:
            if value == choice:
                return choice
        raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}.")

    def nearest(self, value: object) -> int | str:
        """Return the choice that equals the value, otherwise the default."""
        return self.check(value) if value in self.choices else self.default


Parameter = IntParameter | FloatParameter | Choice


def _number_between(name: str, value: object, minimum: float, maximum: float) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | np.integer | np.floating)
        or not minimum <= value <= maximum
    ):
        raise ValueError(f"{name} must be between {minimum} and {maximum}, not {value!r}.")
    return float(value)


@dataclass(frozen=True, kw_only=True)
class KernelFamily:
    """Kernels that differ only in their parameters.

    Attributes:
        name: Key in `KERNELS`.
        title: Display name.
        sentence: Description of the kernel's effect on a photo.
        parameters: Its settings, in the order of the function's arguments.
        function: Function from the parameters, by name, to the weights, (kh, kw) float32.
        signed: Whether results are centred on zero (drawn around mid-grey, or as magnitudes), not on the photo.
        group: "smooth", "sharpen", "edges" or "patterns".
    """

    name: str
    title: str
    sentence: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., np.ndarray]
    signed: bool
    group: Literal["smooth", "sharpen", "edges", "patterns"]
