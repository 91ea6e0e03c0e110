"""Settings of page 2, read from session state, and the default of every control."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from cnn_demo.convolution.stack import Layer
from cnn_demo.convolution.stack_text import format_stack, parse_stack

VIEWS = ("Build a stack", "Compare pooling", "Step through", "Invariance")

# Titles shown by more than one view.
POOL_TITLES = {
    "max": "Max",
    "average": "Average",
    "min": "Min",
    "l2": "L2 norm",
    "blur": "Blurred max",
    "smooth": "Blurred stride",
    "skip": "Every n-th value",
}
SOURCE_TITLES = {"hand": "Hand-made", "random": "Random", "learned": "Learned"}

PRESETS = {
    "Edges, pooled twice": "c8.3.1.same.1.relu.hand_pmax.2.2_c16.3.1.same.1.relu.hand_pmax.2.2",
    "LeNet-5 (1998)": "c6.5.1.valid.1.tanh.random_paverage.2.2_c16.5.1.valid.1.tanh.random_paverage.2.2",
    "AlexNet's first layers (2012)": "c32.11.4.valid.1.relu.random_pmax.3.2_c32.5.1.same.1.relu.random_pmax.3.2",
    "VGG's blocks (2014)": (
        "c16.3.1.same.1.relu.random_c16.3.1.same.1.relu.random_pmax.2.2"
        "_c32.3.1.same.1.relu.random_c32.3.1.same.1.relu.random_pmax.2.2"
    ),
    "Only strides, no pooling": "c8.3.2.same.1.relu.hand_c16.3.2.same.1.relu.random_c32.3.2.same.1.relu.random",
    "Dilated, nothing shrinks": ("c8.3.1.same.1.relu.hand_c8.3.1.same.2.relu.random_c8.3.1.same.4.relu.random"),
    "Ends in global average pooling": "c16.3.1.same.1.relu.hand_pmax.2.2_c32.3.1.same.1.relu.random_paverage.global",
    "Trained first layer": "c32.5.1.same.1.relu.learned_pmax.2.2",
}

# Widget key (which is also the name in the link) to default value.
DEFAULTS: dict[str, Any] = {
    "tab": VIEWS[0],
    # Build a stack
    "stack": PRESETS["Edges, pooled twice"],
    "layer": 1,
    "map": None,  # an empty field: the first map, or the activation in the middle
    "reads": None,
    "map_row": None,
    "map_column": None,
    "common": False,
    # Compare pooling
    "of": "edge 0°",
    "window": 2,
    "step": 2,
    "fourth": "strided",
    "taps": "skip",
    "pool_row": None,
    "pool_column": None,
    # Step through
    "walk": "max",
    "walk_map": "brightness",
    "walk_window": 2,
    "walk_size": 3,
    "walk_stride": 2,
    "walk_padding": 0,
    "walk_kernel": "even",
    # Invariance
    "distortion": "shift",
    "pixels": 1,
    "degrees": 5,
    "noise": 0.1,
    "features": "one",
    "filters": "hand",
    "pool_size": 2,
    "pool_stride": 2,
    "measure": "change",
    "compare": "max",
}


def value_of(state: Mapping[str, Any], key: str) -> Any:
    """Return the value of a control: the one in `state`, or its default if none is set."""
    value = state.get(key)
    return DEFAULTS[key] if value is None else value


def values_in_force(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every control: the one in `state`, or its default if none is set."""
    return {key: value_of(state, key) for key in DEFAULTS}


def read_stack(state: Mapping[str, Any]) -> tuple[tuple[Layer, ...], str]:
    """Read the stack; if its text is invalid, return the default stack and an error message."""
    try:
        return parse_stack(value_of(state, "stack")), ""
    except ValueError as error:
        return parse_stack(DEFAULTS["stack"]), f"{str(error)[:-1]}; until then the default stack is shown."


def write_stack(state: MutableMapping[str, Any], layers: tuple[Layer, ...], number: int) -> None:
    """Write `layers` as the stack and select layer `number` (from 1)."""
    state["stack"] = format_stack(layers)
    state["layer"] = max(1, min(number, len(layers)))


def read_layer(state: Mapping[str, Any], count: int) -> int:
    """Read which of `count` layers is selected, from 1; 0 if there are none."""
    return min(max(int(value_of(state, "layer")), 1), count)


def overlap_sentence(size: int, stride: int) -> str:
    """Return a sentence on whether windows overlap, touch or leave gaps."""
    if size > stride:
        return f"Windows overlap by {size - stride} {'pixel' if size - stride == 1 else 'pixels'}."
    if size < stride:
        gap = stride - size
        return f"Windows leave gaps of {gap} {'row and column' if gap == 1 else 'rows and columns'} between them."
    return "Windows touch: every pixel is in exactly one window."
