"""Stacks of layers: configuration, output shapes, costs, receptive fields and feature maps."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.convolution.activations import ACTIVATIONS, activate
from cnn_demo.convolution.cost import multiply_adds, parameter_count
from cnn_demo.convolution.filter_bank import hand_made_filters
from cnn_demo.convolution.geometry import ConvSpec, Pair, output_size, padding_amounts
from cnn_demo.convolution.operation import convolve
from cnn_demo.convolution.pooling import POOLINGS, blur_pool, pool, pooled_size
from cnn_demo.convolution.receptive_field import ReceptiveField, receptive_field

SOURCES = ("hand", "random", "learned")
# Beside those of `pool`: "blur" is `blur_pool`; "skip" keeps the first value of every stride, as a strided layer does,
# and "smooth" blurs before it (`blur_pool` with windows of 1 × 1).
POOL_KINDS = (*POOLINGS, "blur", "smooth", "skip")
LOCAL_KINDS = ("blur", "smooth", "skip")  # they have no whole-map version
# Smallest and largest value of every attribute of a layer.
CONV_RANGES = {"filters": (1, 32), "size": (1, 11), "stride": (1, 4), "padding": (0, 16), "dilation": (1, 4)}
CONV_RANGES |= {"seed": (0, 999)}
POOL_RANGES = {"size": (1, 8), "stride": (1, 8)}
MAX_LAYERS = 6
MAX_MULTIPLY_ADDS = 3_000_000_000  # of a whole stack: seconds on a small machine, which visitors share
LEARNED_SIZE = 5


@dataclass(frozen=True)
class ConvLayer:
    """A convolution layer without a bias, and its activation.

    Attributes:
        filters: Number of output maps.
        size: Taps along each side of its kernels.
        stride: Pixels from window to window.
        padding: "same", "valid", or pixels on every side.
        dilation: Pixels from tap to tap.
        activation: A key of `ACTIVATIONS`.
        source: Source of the weights: "hand" (the bank, reading the mean of the maps), "random" or "learned".
        seed: Seed of random weights.

    Raises:
        ValueError: If a value is none of these; the message is one sentence.
    """

    filters: int = 8
    size: int = 3
    stride: int = 1
    padding: str | int = "same"
    dilation: int = 1
    activation: str = "relu"
    source: str = "hand"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in CONV_RANGES.items():
            if not (name == "padding" and self.padding in ("same", "valid")):
                _check_number(f"A convolution's {name}", getattr(self, name), low, high)
        _check_choice("activation", self.activation, ACTIVATIONS)
        _check_choice("source of weights", self.source, SOURCES)
        if self.source == "learned" and self.size != LEARNED_SIZE:
            raise ValueError(f"The learned kernels have {LEARNED_SIZE} × {LEARNED_SIZE} weights, not {self.size}.")

    @property
    def spec(self) -> ConvSpec:
        """How its kernels travel."""
        return ConvSpec(stride=self.stride, padding=self.padding, dilation=self.dilation)


@dataclass(frozen=True)
class PoolLayer:
    """A pooling layer.

    Attributes:
        kind: One of `POOL_KINDS`.
        size: Window size; None for the whole map (global pooling).
        stride: Pixels from window to window; without meaning for the whole map.

    Raises:
        ValueError: If a value is none of these; the message is one sentence.
    """

    kind: str = "max"
    size: int | None = 2
    stride: int = 2

    def __post_init__(self) -> None:
        _check_choice("pooling", self.kind, POOL_KINDS)
        if self.size is None and self.kind in LOCAL_KINDS:
            raise ValueError(f"Pooling of the kind {self.kind!r} has no whole-map version.")
        if self.size is not None:
            _check_number("A pooling window's size", self.size, *POOL_RANGES["size"])
        _check_number("A pooling's stride", self.stride, *POOL_RANGES["stride"])


Layer = ConvLayer | PoolLayer
Step = tuple[int, int, int, int]  # kernel, stride, dilation and padding along one axis


def _check_number(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}.")


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"There is no {name} {value!r}: choose one of {', '.join(choices)}.")


@dataclass(frozen=True)
class LayerPlan:
    """Output shape and costs of one layer.

    Attributes:
        layer: The layer itself.
        shape: (H, W, C) of its maps.
        parameters: Number of learnable parameters, biases included.
        multiply_adds: Multiply-adds of its convolution; poolings compare and add, and count as none.
        fields: Receptive field down and across, in pixels of the photo.
    """

    layer: Layer
    shape: tuple[int, int, int]
    parameters: int
    multiply_adds: int
    fields: tuple[ReceptiveField, ReceptiveField]


@dataclass(frozen=True)
class StackPlan:
    """Output shapes and costs of a stack.

    Attributes:
        layers: The plans of the layers that fit, from the photo on.
        problem: Why the next layer does not fit, in one sentence; empty if all do.
    """

    layers: tuple[LayerPlan, ...] = field(default=())
    problem: str = ""


def plan_stack(size: Pair, layers: Sequence[Layer], channels: int = 3) -> StackPlan:
    """Follow shapes, costs and receptive fields from the photo to the last layer that fits.

    Args:
        size: (H, W) of the photo.
        layers: The stack.
        channels: Channels of the photo.
    """
    plans: list[LayerPlan] = []
    shape = (*size, channels)
    down: list[Step] = []
    across: list[Step] = []
    total = 0
    for number, layer in enumerate(layers, 1):
        try:
            plan, steps = _plan_layer(layer, shape, (down, across), number == 1)
        except ValueError as error:
            return StackPlan(tuple(plans), f"Layer {number} does not fit. {error}")
        total += plan.multiply_adds
        if total > MAX_MULTIPLY_ADDS:
            return StackPlan(
                tuple(plans),
                f"Layer {number} takes {plan.multiply_adds / 1e9:.2g} billion multiply-adds, and a stack may have "
                f"{MAX_MULTIPLY_ADDS / 1e9:g} billion here: choose fewer filters or smaller ones, or pool before it.",
            )
        down.append(steps[0])
        across.append(steps[1])
        plans.append(plan)
        shape = plan.shape
    return StackPlan(tuple(plans))


def _plan_layer(
    layer: Layer, shape: tuple[int, int, int], before: tuple[list[Step], list[Step]], first: bool
) -> tuple[LayerPlan, tuple[Step, Step]]:
    """Return the layer's plan and its steps down and across."""
    height, width, channels = shape
    size = (height, width)
    if isinstance(layer, PoolLayer):
        window = size if layer.size is None else (layer.size, layer.size)
        stride = 1 if layer.size is None else layer.stride
        out = pooled_size(size, window, stride)
        filters = channels
        parameters = 0
        cost = 0
        steps = _pooling_step(layer.kind, window[0], stride), _pooling_step(layer.kind, window[1], stride)
    else:
        if layer.source == "learned" and not (first and channels == 3):
            raise ValueError("Learned kernels read the photo's red, green and blue: they can only come first.")
        kernel = (layer.size, layer.size)
        out = output_size(size, kernel, layer.spec)
        filters = layer.filters
        parameters = parameter_count(kernel, channels, filters)
        cost = multiply_adds(size, kernel, layer.spec, channels, filters)
        (top, _), (left, _) = padding_amounts(size, kernel, layer.spec)
        steps = (
            (layer.size, layer.stride, layer.dilation, top),
            (layer.size, layer.stride, layer.dilation, left),
        )
    fields = receptive_field([*before[0], steps[0]]), receptive_field([*before[1], steps[1]])
    return LayerPlan(layer, (*out, filters), parameters, cost, fields), steps


def _pooling_step(kind: str, window: int, stride: int) -> Step:
    if kind == "skip":
        return 1, stride, 1, 0
    if kind in ("blur", "smooth"):
        return (window if kind == "blur" else 1) + 2 * stride, stride, 1, stride  # the blur has 2 · stride + 1 taps
    return window, stride, 1, 0


def layer_weights(layer: ConvLayer, channels: int, number: int, learned: np.ndarray | None = None) -> np.ndarray:
    """Return the weights of a convolution layer, (size, size, channels, filters) float32.

    Hand-made filters read the mean of all maps, so every channel has the same weights. Random weights are drawn as He
    et al. (2015), https://arxiv.org/abs/1502.01852, begin a network with ReLU: normal, with variance 2 / inputs.

    Args:
        layer: The layer.
        channels: Maps that it reads.
        number: How many-th convolution of the stack it is, from 1: layers with one seed still differ.
        learned: (5, 5, 3, 32) float32, if the source is "learned".

    Raises:
        ValueError: If the source is "learned" and no learned weights are given.
    """
    if layer.source == "hand":
        bank = hand_made_filters(layer.filters, layer.size)[:, :, np.newaxis] / np.float32(channels)
        return np.repeat(bank, channels, axis=2)
    if layer.source == "learned":
        if learned is None:
            raise ValueError("The learned kernels are not on this machine: choose hand-made or random filters.")
        return np.asarray(learned[..., : layer.filters], np.float32)
    draw = np.random.default_rng((layer.seed, number))
    shape = (layer.size, layer.size, channels, layer.filters)
    return (draw.standard_normal(shape) * np.sqrt(2 / (layer.size**2 * channels))).astype(np.float32)


def layer_input(maps: np.ndarray, layer: Layer) -> np.ndarray:
    """Return the maps as the layer reads them: learned kernels were trained on pixels from −1 to 1, not 0 to 1."""
    return maps * 2 - 1 if isinstance(layer, ConvLayer) and layer.source == "learned" else maps


def run_layer(maps: np.ndarray, layer: Layer, number: int = 1, learned: np.ndarray | None = None) -> np.ndarray:
    """Return the maps that a layer makes, (H', W', C') float32.

    Args:
        maps: (H, W, C) float32; the photo in 0...1 for the first layer.
        layer: The layer.
        number: How many-th convolution of the stack it is, from 1: random weights depend on it, and on no pooling.
        learned: The weights of a layer whose source is "learned".

    Raises:
        ValueError: If the layer does not fit the maps.
    """
    if isinstance(layer, PoolLayer):
        if layer.size is None:
            return pool(maps, layer.kind, maps.shape[:2], 1)
        if layer.kind in ("skip", "smooth"):
            rows, columns = pooled_size(maps.shape[:2], layer.size, layer.stride)
            step = layer.stride
            kept = maps[::step, ::step] if layer.kind == "skip" else blur_pool(maps, 1, step)
            return kept[:rows, :columns]
        if layer.kind == "blur":
            return blur_pool(maps, layer.size, layer.stride)
        return pool(maps, layer.kind, layer.size, layer.stride)
    if layer.source == "hand":  # the mean first: the same sum of products, a channel's worth of them
        maps = maps.mean(axis=2, keepdims=True)
        weights = layer_weights(layer, 1, number)
    else:
        weights = layer_weights(layer, maps.shape[2], number, learned)
    return activate(convolve(layer_input(maps, layer), weights, layer.spec), layer.activation)


def run_stack(
    image: np.ndarray, layers: Sequence[Layer], learned: np.ndarray | None = None, convolutions: int = 0
) -> np.ndarray:
    """Return the last maps of a stack, (H', W', C') float32.

    Args:
        image: (H, W, 3) float32 in 0...1; or the maps that come before these layers.
        layers: The stack.
        learned: The weights of a layer whose source is "learned".
        convolutions: How many came before these layers.
    """
    for layer in layers:
        convolutions += isinstance(layer, ConvLayer)
        image = run_layer(image, layer, convolutions, learned)
    return image
