"""Which patches of photos excite the channels of a network most.

Zeiler & Fergus, "Visualizing and understanding convolutional networks" (2014), https://arxiv.org/abs/1311.2901, show
next to what a feature map looks for the patches of images that excite it most; here these patches are found in photos
by laying windows of several sizes on them, each of which the network sees as one picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.classification.layers import NetworkLayer
from cnn_demo.models.classification.units import Box, field_box, on_photo

SCALES = (1, 2, 4)  # the side of a window is the photo's shorter side over these
MAX_STEPS = 24  # of a window along one side of the photo: a strip of 1280 × 10 pixels is not 256 windows
BATCH = 32


@dataclass(frozen=True, eq=False)
class WindowActivations:
    """How strongly the windows of one photo excite every channel.

    Attributes:
        size: (height, width) of the photo.
        windows: (N, 3) int: row, column and side of each window in pixels of the photo.
        seen: (N, h, w, 3) uint8, the windows as the network sees them.
        values: Layer name to (N, C) float32, the largest value of each channel in each window.
        places: Layer name to (N, C, 2) int16, row and column where that is.
    """

    size: tuple[int, int]
    windows: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    values: dict[str, np.ndarray] = field(repr=False)
    places: dict[str, np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Patch:
    """A patch that excites a channel.

    Attributes:
        photo: Index of the photo.
        box: What the unit sees, in pixels of the photo; clipped to the window that the network was shown.
        value: The unit's activation.
    """

    photo: int
    box: Box
    value: float


def activation_layers(layers: Sequence[NetworkLayer]) -> tuple[NetworkLayer, ...]:
    """The layers whose channels can be asked what excites them: those with maps after an activation."""
    return tuple(layer for layer in layers if layer.kind == "activation")


def photo_windows(size: tuple[int, int], smallest: int = 32) -> np.ndarray:
    """Lay square windows on a photo of (height, width), half overlapping, at several sizes.

    Args:
        size: Of the photo.
        smallest: Windows of fewer pixels a side are left out, unless the photo itself is as small.

    Returns:
        (N, 3) int: row, column, side; the largest first.
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
    """A network of which the maps of all layers with an activation can be had, for one batch after the other.

    Attributes:
        model: The network.
        layers: Those layers.
    """

    def __init__(self, model: Classifier) -> None:
        self.model = model
        self.layers = activation_layers(model.layers)
        keras, tf = frameworks.keras(), frameworks.tensorflow()
        outputs = [model.network.get_layer(layer.name).output for layer in self.layers]
        taps = keras.Model(model.network.input, outputs)
        shape = tf.TensorSpec((None, *model.spec.input_size, 3), tf.float32)
        self._run = tf.function(lambda batch: taps(batch, training=False), [shape])

    def batches(self, seen: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """Yield layer name to (n, H, W, C) for pictures (N, h, w, 3) uint8; between two batches others have a turn."""
        tf = frameworks.tensorflow()
        for start in range(0, len(seen), BATCH):
            with self.model.lock, frameworks.placed_on(self.model.device):
                outputs = self._run(tf.constant(self.model.scaled(seen[start : start + BATCH])))
            yield {layer.name: output.numpy() for layer, output in zip(self.layers, outputs, strict=True)}


def window_activations(taps: ActivationExtractor, pixels: np.ndarray) -> WindowActivations:
    """Show the network every window of a photo and keep how strongly each channel answers.

    Units whose receptive field lies within the window are preferred: what the others see is partly padding. Deep in
    the network there are none such, and all units count.

    Args:
        taps: The network.
        pixels: (H, W, 3) uint8.
    """
    windows = photo_windows(pixels.shape[:2])
    cuts = (pixels[row : row + side, column : column + side] for row, column, side in windows)
    seen = np.stack([taps.model.prepare(cut) for cut in cuts])
    inside = {layer.name: _inside(layer, seen.shape[1:3]) for layer in taps.layers}
    values = {layer.name: [] for layer in taps.layers}
    places = {layer.name: [] for layer in taps.layers}
    for outputs in taps.batches(seen):
        for name, maps in outputs.items():
            rows, columns = inside[name]
            part = maps[:, rows, columns]
            flat = part.reshape(len(part), -1, part.shape[-1])
            best = flat.argmax(axis=1)
            values[name].append(np.take_along_axis(flat, best[:, None], axis=1)[:, 0])
            row, column = np.unravel_index(best, part.shape[1:3])
            places[name].append(np.stack([row + rows.start, column + columns.start], axis=-1).astype(np.int16))
    joined = ({name: np.concatenate(parts) for name, parts in kept.items()} for kept in (values, places))
    return WindowActivations(pixels.shape[:2], windows, seen, *joined)


def _inside(layer: NetworkLayer, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the units whose receptive field lies inside the picture; all where there are none."""
    slices = []
    for length, count in zip(size, layer.shape, strict=False):
        boxes = [field_box(layer.field, at, at) for at in range(count)]
        good = [at for at, box in enumerate(boxes) if box.row >= 0 and box.row + box.height <= length]
        slices.append(slice(good[0], good[-1] + 1) if good else slice(0, count))
    return slices[0], slices[1]


def strongest_patches(
    excitations: Sequence[WindowActivations], layer: NetworkLayer, channel: int, count: int = 12, per_photo: int = 2
) -> list[Patch]:
    """Find the patches that excite a channel most.

    Args:
        excitations: One for each photo.
        layer: The layer.
        channel: Of the layer.
        count: At most so many patches.
        per_photo: At most so many of one photo; they do not overlap.

    Returns:
        The strongest first; fewer, or none, where nothing else excites the channel.
    """
    values, photos, windows = _ranking(excitations, layer, channel)
    found: list[Patch] = []
    for value, photo, at in zip(values, photos, windows, strict=True):
        if len(found) == count or value <= 0:
            break
        mine = [exciter for exciter in found if exciter.photo == photo]
        if len(mine) >= per_photo:
            continue
        box = _patch(excitations[photo], layer, channel, at)
        if not any(_overlap(box, other.box) for other in mine):
            found.append(Patch(int(photo), box, float(value)))
    return found


def _ranking(excitations: Sequence[WindowActivations], layer: NetworkLayer, channel: int) -> tuple[np.ndarray, ...]:
    """(value, photo, window) of every window, the strongest first."""
    values = np.concatenate([excitation.values[layer.name][:, channel] for excitation in excitations])
    photos = np.repeat(np.arange(len(excitations)), [len(excitation.windows) for excitation in excitations])
    windows = np.concatenate([np.arange(len(excitation.windows)) for excitation in excitations])
    order = np.argsort(-values, kind="stable")
    return values[order], photos[order], windows[order]


def _patch(excitation: WindowActivations, layer: NetworkLayer, channel: int, at: int) -> Box:
    """What the strongest unit of a window sees, in pixels of the photo."""
    row, column = (int(place) for place in excitation.places[layer.name][at, channel])
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
    """Average what the most excited units see, window by window: what they have in common stays, the rest is grey.

    Args:
        excitations: One for each photo.
        layer: The layer.
        channel: Of the layer.
        count: Of how many windows, at most; one unit of each.

    Returns:
        The mean (size, size, 3) float32 in 0...255, as large as the receptive field or the picture, whichever is
        smaller, and of how many windows it is; what no patch covers is mid-grey.
    """
    values, photos, windows = (ranked[:count] for ranked in _ranking(excitations, layer, channel))
    height, width = excitations[0].seen.shape[1:3]
    size = min(layer.field.size, height, width)
    total, covered = np.zeros((size, size, 3)), np.zeros((size, size, 1))
    strong = int((values > 0).sum())
    for photo, at in zip(photos[:strong], windows[:strong], strict=True):
        excitation = excitations[photo]
        middle = layer.field.start + layer.field.jump * excitation.places[layer.name][at, channel].astype(int)
        top, left = np.floor(middle - (size - 1) / 2).astype(int)
        rows, columns = (slice(max(edge, 0), min(edge + size, side)) for edge, side in ((top, height), (left, width)))
        there = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        total[there] += excitation.seen[at][rows, columns]
        covered[there] += 1
    mean = np.where(covered > 0, total / np.maximum(covered, 1), 127.5)
    return mean.astype(np.float32), strong


def selectivity(excitations: Sequence[WindowActivations], layer: NetworkLayer) -> np.ndarray:
    """Say how choosy each channel of a layer is: the excess kurtosis of its answers to all windows.

    A channel that answers everything a little has a small one, a channel that is silent until it sees its thing a
    large one. Channels that no window excites, or that three windows at most do, get minus infinity: nothing can be
    said of them.

    Returns:
        (C,) float64.
    """
    values = np.concatenate([excitation.values[layer.name] for excitation in excitations]).astype(np.float64)
    centred = values - values.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    kurtosis = (centred**4).mean(axis=0) / np.maximum(variance, 1e-12) ** 2 - 3
    return np.where((values > 0).sum(axis=0) > 3, kurtosis, -np.inf)
