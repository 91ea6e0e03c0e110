"""Image patches that maximally activate the channels of a network.

Zeiler & Fergus, "Visualizing and understanding convolutional networks" (2014), https://arxiv.org/abs/1311.2901, show
the image patches with the highest activations next to the visualization of each feature map. Here patches are found by
sliding windows of several sizes over the photos, each of which is one input of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.models.classification.units import Box, field_box, on_photo
from cnn_demo.models.engines import forward

SCALES = (1, 2, 4)  # the photo's shorter side divided by these is the side of a window
MAX_STEPS = 24  # maximum number of windows along one side: a strip of 1280 × 10 pixels is not 256 windows
BATCH = 32


@dataclass(frozen=True, eq=False)
class WindowActivations:
    """Maximum activation of every channel in each window of one photo.

    Attributes:
        size: (height, width) of the photo.
        windows: (N, 3) int: row, column and side of each window in pixels of the photo.
        seen: (N, h, w, 3) uint8, the windows resized to the network's input.
        values: Maximum activation of each channel in each window, (N, C) float32 by layer name.
        positions: Row and column of that maximum, (N, C, 2) int16 by layer name.
    """

    size: tuple[int, int]
    windows: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    values: dict[str, np.ndarray] = field(repr=False)
    positions: dict[str, np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Patch:
    """A patch with a high activation in a channel.

    Attributes:
        photo: Index of the photo.
        box: Receptive field of the unit in pixels of the photo, clipped to the window.
        value: Activation of the unit.
    """

    photo: int
    box: Box
    value: float


def activation_layers(layers: Sequence[NetworkLayer]) -> tuple[NetworkLayer, ...]:
    """Return the activation layers, whose channels can be ranked by activation."""
    return tuple(layer for layer in layers if layer.kind == "activation")


def photo_windows(size: tuple[int, int], smallest: int = 32) -> np.ndarray:
    """Return square windows of several sizes that cover a photo and overlap by half.

    Args:
        size: (height, width) of the photo.
        smallest: Minimum side of a window in pixels, unless the photo itself is smaller.

    Returns:
        (N, 3) int: row, column and side, the largest first.
    """
    shorter = min(size)
    sides = [side for scale in SCALES if (side := shorter // scale) >= smallest] or [shorter]
    windows = []
    for side in sides:
        rows, columns = (_starts(length, side) for length in size)
        windows += [(row, column, side) for row in rows for column in columns]
    return np.array(windows)


def _starts(length: int, side: int) -> list[int]:
    count = min(int(np.ceil((length - side) / max(side / 2, 1))) + 1, MAX_STEPS)
    return sorted({round(at) for at in np.linspace(0, length - side, count)})


class ActivationExtractor:
    """Extractor of the feature maps of all activation layers, batch by batch.

    Attributes:
        model: The classifier.
        layers: Its activation layers.
    """

    def __init__(self, model: Classifier) -> None:
        self.model = model
        self.layers = activation_layers(model.layers)
        outputs = [model.network.get_layer(layer.name).output for layer in self.layers]
        self._run = forward(frameworks.keras().Model(model.network.input, outputs), model.device)

    def batches(self, seen: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """Yield feature maps (n, H, W, C) by layer name for images (N, h, w, 3) uint8, batch by batch."""
        for start in range(0, len(seen), BATCH):
            with self.model.lock:
                outputs = self._run(self.model.scaled(seen[start : start + BATCH]))
            yield {layer.name: output for layer, output in zip(self.layers, outputs, strict=True)}


def window_activations(taps: ActivationExtractor, pixels: np.ndarray) -> WindowActivations:
    """Run the network on every window of a photo and return the maximum activation of each channel.

    Only units whose receptive field is inside the window are considered, since others include padding. Deep layers
    have no such units; there all units are considered.

    Args:
        taps: The extractor.
        pixels: (H, W, 3) uint8 photo.
    """
    windows = photo_windows(pixels.shape[:2])
    cuts = (pixels[row : row + side, column : column + side] for row, column, side in windows)
    seen = np.stack([taps.model.prepare(cut) for cut in cuts])
    inside = {layer.name: _inside(layer, seen.shape[1:3]) for layer in taps.layers}
    values: dict[str, list[np.ndarray]] = {layer.name: [] for layer in taps.layers}
    positions: dict[str, list[np.ndarray]] = {layer.name: [] for layer in taps.layers}
    for outputs in taps.batches(seen):
        for name, maps in outputs.items():
            rows, columns = inside[name]
            part = maps[:, rows, columns]  # (N, h, w, C), the units inside
            flat = part.reshape(len(part), -1, part.shape[-1])  # (N, h·w, C)
            best = flat.argmax(axis=1)  # (N, C)
            values[name].append(np.take_along_axis(flat, best[:, None], axis=1)[:, 0])
            row, column = np.unravel_index(best, part.shape[1:3])  # each (N, C)
            positions[name].append(np.stack([row + rows.start, column + columns.start], axis=-1).astype(np.int16))
    return WindowActivations(
        pixels.shape[:2],
        windows,
        seen,
        {name: np.concatenate(parts) for name, parts in values.items()},
        {name: np.concatenate(parts) for name, parts in positions.items()},
    )


def _inside(layer: NetworkLayer, size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of the units whose receptive field is inside the input; all if there are none."""
    slices = []
    for length, count in zip(size, layer.shape, strict=False):
        boxes = [field_box(layer.field, at, at) for at in range(count)]
        good = [at for at, box in enumerate(boxes) if box.row >= 0 and box.row + box.height <= length]
        slices.append(slice(good[0], good[-1] + 1) if good else slice(0, count))
    return slices[0], slices[1]


def strongest_patches(
    excitations: Sequence[WindowActivations], layer: NetworkLayer, channel: int, count: int = 12, per_photo: int = 2
) -> list[Patch]:
    """Return the patches with the highest activations of a channel.

    Args:
        excitations: Window activations, one per photo.
        layer: The layer.
        channel: Index of the channel.
        count: Maximum number of patches.
        per_photo: Maximum number of patches per photo; they do not overlap.

    Returns:
        Patches sorted by descending activation; fewer if no other window activates the channel.
    """
    values, photos, windows = _ranking(excitations, layer, channel)
    found: list[Patch] = []
    for value, photo, at in zip(values, photos, windows, strict=True):
        if len(found) == count or value <= 0:
            break
        own = [exciter for exciter in found if exciter.photo == photo]
        if len(own) >= per_photo:
            continue
        box = _patch(excitations[photo], layer, channel, at)
        if not any(_overlap(box, other.box) for other in own):
            found.append(Patch(int(photo), box, float(value)))
    return found


def _ranking(excitations: Sequence[WindowActivations], layer: NetworkLayer, channel: int) -> tuple[np.ndarray, ...]:
    """Return (activation, photo, window) of every window, sorted by descending activation."""
    values = np.concatenate([excitation.values[layer.name][:, channel] for excitation in excitations])
    photos = np.repeat(np.arange(len(excitations)), [len(excitation.windows) for excitation in excitations])
    windows = np.concatenate([np.arange(len(excitation.windows)) for excitation in excitations])
    order = np.argsort(-values, kind="stable")
    return values[order], photos[order], windows[order]


def _patch(excitation: WindowActivations, layer: NetworkLayer, channel: int, at: int) -> Box:
    """Return the receptive field of a window's most active unit, in pixels of the photo."""
    row, column = (int(index) for index in excitation.positions[layer.name][at, channel])
    size = excitation.seen.shape[1:3]
    top, left, side = (int(edge) for edge in excitation.windows[at])
    return on_photo(field_box(layer.field, row, column).clipped(size), Box(top, left, side, side), size)


def _overlap(one: Box, other: Box) -> bool:
    down = min(one.row + one.height, other.row + other.height) - max(one.row, other.row)
    right = min(one.column + one.width, other.column + other.width) - max(one.column, other.column)
    return down > 1e-6 and right > 1e-6


def mean_patch(
    excitations: Sequence[WindowActivations], layer: NetworkLayer, channel: int, count: int = 60
) -> tuple[np.ndarray, int]:
    """Return the mean of the most activating patches: common structure remains, the rest averages to grey.

    Args:
        excitations: Window activations, one per photo.
        layer: The layer.
        channel: Index of the channel.
        count: Maximum number of windows, with one unit each.

    Returns:
        The mean patch (size, size, 3) float32 in 0...255 and the number of windows averaged. `size` is the receptive
        field or the input size, whichever is smaller; pixels that no patch covers are mid-grey.
    """
    values, photos, windows = (ranked[:count] for ranked in _ranking(excitations, layer, channel))
    height, width = excitations[0].seen.shape[1:3]
    size = min(layer.field.size, height, width)
    total, covered = np.zeros((size, size, 3)), np.zeros((size, size, 1))
    strong = int((values > 0).sum())
    for photo, at in zip(photos[:strong], windows[:strong], strict=True):
        excitation = excitations[photo]
        middle = layer.field.start + layer.field.jump * excitation.positions[layer.name][at, channel].astype(int)
        top, left = np.floor(middle - (size - 1) / 2).astype(int)
        rows, columns = (slice(max(edge, 0), min(edge + size, side)) for edge, side in ((top, height), (left, width)))
        there = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        total[there] += excitation.seen[at][rows, columns]
        covered[there] += 1
    mean = np.where(covered > 0, total / np.maximum(covered, 1), 127.5)
    return mean.astype(np.float32), strong


def selectivity(excitations: Sequence[WindowActivations], layer: NetworkLayer) -> np.ndarray:
    """Return the selectivity of each channel: the excess kurtosis of its activations over all windows.

    Channels that respond weakly to everything have a low value, channels that respond strongly to few windows a high
    one. Channels activated by three windows or fewer get minus infinity: too few values for an estimate.

    Returns:
        (C,) float64.
    """
    values = np.concatenate([excitation.values[layer.name] for excitation in excitations]).astype(np.float64)
    centred = values - values.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    kurtosis = (centred**4).mean(axis=0) / np.maximum(variance, 1e-12) ** 2 - 3
    return np.where((values > 0).sum(axis=0) > 3, kurtosis, -np.inf)
