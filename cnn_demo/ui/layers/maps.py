"""Feature maps of page 2: the photo at working size, the maps of a stack, and their rendering as images."""

import numpy as np

from cnn_demo.convolution import PATTERNS, pattern
from cnn_demo.convolution.filter_bank import FILTER_TITLES
from cnn_demo.convolution.stack import ConvLayer, Layer, StackPlan, plan_stack, run_layer
from cnn_demo.convolution.stack_text import format_stack, parse_stack
from cnn_demo.drawing.pictures import display_values, jpeg_url, reduced, signed_scale
from cnn_demo.images import Photo
from cnn_demo.models import ModelUnavailable
from cnn_demo.models.training_records import cifar10_record
from cnn_demo.ui.page.caching import photo_cache

WORKING_SIDE = 256  # pixels: small enough for six layers while a slider waits


@photo_cache()
def working_image(photo: Photo, side: int = WORKING_SIDE) -> np.ndarray:
    """Return the photo with no side longer than `side`, (H, W, 3) float32 in 0..1; read-only, as it is shared."""
    name = photo.key.removeprefix("pattern-")
    drawn = name in PATTERNS and max(photo.pixels.shape) > side  # not reduced: its finest rings must stay visible
    pixels = pattern(name, side) if drawn else reduced(photo.pixels, side)
    image = pixels.astype(np.float32) / 255
    image.flags.writeable = False
    return image


def learned_kernels() -> np.ndarray | None:
    """Return the first-layer kernels of the bundled CNN, (5, 5, 3, 32) float32; None if they cannot be read."""
    try:
        return cifar10_record().kernels[-1]
    except (FileNotFoundError, ModelUnavailable):
        return None


def plan(photo: Photo, layers: tuple[Layer, ...]) -> StackPlan:
    """Return shapes and costs of the stack on this photo."""
    learned = any(isinstance(layer, ConvLayer) and layer.source == "learned" for layer in layers)
    if learned and learned_kernels() is None:
        return StackPlan((), "The learned kernels are not on this machine: choose hand-made or random filters.")
    return plan_stack(working_image(photo).shape[:2], layers)


def stack_maps(photo: Photo, layers: tuple[Layer, ...]) -> np.ndarray:
    """Return the maps of the last of `layers`, (H, W, C) float32, read-only; the photo itself if there are none."""
    return _maps(photo, format_stack(layers)) if layers else working_image(photo)


@photo_cache()
def _maps(photo: Photo, text: str) -> np.ndarray:
    layers = parse_stack(text)
    before = stack_maps(photo, layers[:-1])
    maps = run_layer(before, layers[-1], convolutions(layers), learned_kernels())
    maps.flags.writeable = False
    return maps


def convolutions(layers: tuple[Layer, ...]) -> int:
    """Return the number of convolutions among the layers."""
    return sum(isinstance(layer, ConvLayer) for layer in layers)


def is_signed(maps: np.ndarray) -> bool:
    """Whether the maps hold negative values and are shown in red and blue."""
    return bool(maps.min(initial=0.0) < 0)


def map_pictures(maps: np.ndarray, common: bool) -> list[np.ndarray]:
    """Turn maps (H, W, C) into C uint8 images, each scaled by its own maximum, or all by one scale if `common`."""
    signed = is_signed(maps)
    if common:
        height, width, count = maps.shape
        tiled = np.ascontiguousarray(maps.transpose(2, 0, 1)).reshape(count * height, width)
        return list(_picture(tiled, signed).reshape(count, height, width, *([3] if signed else [])))
    return [_picture(np.ascontiguousarray(maps[..., index]), signed) for index in range(maps.shape[2])]


def _picture(plane: np.ndarray, signed: bool) -> np.ndarray:
    if signed:
        return display_values(plane, "signed")
    return display_values(plane / (signed_scale(plane) or 1.0), "clip")


def tile_url(pixels: np.ndarray) -> str:
    """Return an image as a data URL; a small one is enlarged and saved without JPEG's blocks of 8 × 8."""
    factor = max(1, 160 // max(pixels.shape[:2]))
    return jpeg_url(np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1) if factor > 1 else pixels)


def map_titles(layers: tuple[Layer, ...], count: int) -> list[str]:
    """Return the title of each map of the last layer: the name of its hand-made filter and its index."""
    last_filters = next((layer for layer in reversed(layers) if isinstance(layer, ConvLayer)), None)
    if last_filters is None:
        return ["red", "green", "blue"][:count]
    named = last_filters.source == "hand" and last_filters.size > 1
    return [f"{index + 1} · {FILTER_TITLES[index]}" if named else f"{index + 1}" for index in range(count)]
