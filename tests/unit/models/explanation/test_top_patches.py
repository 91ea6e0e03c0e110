"""The patches that excite a channel most: found by hand in small pictures, and checked with the network itself."""

import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.models import load
from cnn_demo.models.explanation.top_patches import (
    MAX_STEPS,
    ActivationExtractor,
    activation_layers,
    mean_patch,
    photo_windows,
    selectivity,
    strongest_patches,
    window_activations,
)


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def taps(model):
    return ActivationExtractor(model)


@pytest.fixture(scope="module")
def photos():
    return [sample.load(max_side=320).pixels for sample in sample_photos()[:3]]


@pytest.fixture(scope="module")
def excitations(taps, photos):
    return [window_activations(taps, pixels) for pixels in photos]


@pytest.mark.parametrize("size", [(1, 1), (1, 1280), (1280, 3), (31, 33), (64, 64), (300, 451), (1080, 810)])
def test_windows_cover_the_photo_and_stay_inside(size):
    windows = photo_windows(size)
    covered = np.zeros(size, bool)
    for row, column, side in windows:
        assert row >= 0
        assert column >= 0
        assert row + side <= size[0]
        assert column + side <= size[1]
        covered[row : row + side, column : column + side] = True
    assert max(windows[:, 2]) == min(size)
    assert min(windows[:, 2]) >= min(32, *size)
    assert len(windows) == len({tuple(window) for window in windows})
    assert len(windows) < 200
    if max(size) / min(size) < MAX_STEPS / 2:
        assert covered.all()


def test_values_and_positions_are_the_networks_own(model, excitations, photos):
    excitation = excitations[1]
    for at in (0, len(excitation.windows) - 1):
        row, column, side = excitation.windows[at]
        maps = model.activations(photos[1][row : row + side, column : column + side]).maps
        for name in ("stem_relu", "block3_relu", "block5_relu"):
            for channel in (0, 11, 31):
                index = excitation.positions[name][at, channel]
                value = excitation.values[name][at, channel]
                assert maps[name][index[0], index[1], channel] == pytest.approx(value, rel=1e-3, abs=1e-4)
        # In late layers all units count; in early layers those without padding in their field.
        np.testing.assert_allclose(
            excitation.values["block5_relu"][at], maps["block5_relu"].max(axis=(0, 1)), rtol=1e-3, atol=1e-4
        )
        np.testing.assert_allclose(
            excitation.values["stem_relu"][at], maps["stem_relu"][2:30, 2:30].max(axis=(0, 1)), rtol=1e-3, atol=1e-4
        )


def test_patches_are_sorted_few_of_one_photo_and_apart(model, excitations, photos):
    for layer in activation_layers(model.layers)[::3]:
        for channel in (0, 7, 20):
            found = strongest_patches(excitations, layer, channel, 12, per_photo=2)
            assert len(found) <= 6
            values = [exciter.value for exciter in found]
            assert values == sorted(values, reverse=True)
            assert all(value > 0 for value in values)
            if found:
                assert values[0] == pytest.approx(max(e.values[layer.name][:, channel].max() for e in excitations))
            covered = [np.zeros(pixels.shape[:2], int) for pixels in photos]
            for exciter in found:
                box, plane = exciter.box, covered[exciter.photo]
                assert box.row >= 0
                assert box.column >= 0
                assert box.row + box.height <= plane.shape[0] + 1e-6
                assert box.column + box.width <= plane.shape[1] + 1e-6
                rows = slice(int(np.ceil(box.row)), int(box.row + box.height))
                plane[rows, int(np.ceil(box.column)) : int(box.column + box.width)] += 1
            assert max(plane.max() for plane in covered) <= 1


def test_the_patch_of_a_spot_is_where_the_spot_is(model, taps):
    """A green spot on black: whichever channel likes it better than black must point at it."""
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[60:76, 88:104] = (20, 230, 60)
    black, spot = window_activations(taps, np.zeros_like(pixels)), window_activations(taps, pixels)
    stem = next(layer for layer in model.layers if layer.name == "stem_relu")
    gain = spot.values["stem_relu"].max(axis=0) - black.values["stem_relu"].max(axis=0)
    for channel in np.argsort(-gain)[:5]:
        assert gain[channel] > 0.1
        box = strongest_patches([spot], stem, int(channel), 1)[0].box
        assert box.row < 76
        assert box.row + box.height > 60
        assert box.column < 104
        assert box.column + box.width > 88


def test_the_mean_of_one_patch_is_that_patch(model, excitations):
    stem = next(layer for layer in model.layers if layer.name == "stem_relu")
    mean, of = mean_patch(excitations, stem, 3, count=1)
    assert of == 1
    photo = int(np.argmax([e.values["stem_relu"][:, 3].max() for e in excitations]))
    at = int(excitations[photo].values["stem_relu"][:, 3].argmax())
    row, column = excitations[photo].positions["stem_relu"][at, 3]
    seen = excitations[photo].seen[at]
    np.testing.assert_allclose(mean, seen[row - 2 : row + 3, column - 2 : column + 3])


def test_deep_means_are_as_large_as_the_picture(model, excitations):
    deep = activation_layers(model.layers)[-1]
    mean, of = mean_patch(excitations, deep, int(selectivity(excitations, deep).argmax()))
    assert mean.shape == (32, 32, 3)
    assert 3 < of <= 60
    assert mean.min() >= 0
    assert mean.max() <= 255


def test_selectivity_is_the_excess_kurtosis(model, excitations):
    layer = activation_layers(model.layers)[2]
    values = np.concatenate([e.values[layer.name] for e in excitations]).astype(np.float64)
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    found = selectivity(excitations, layer)
    alive = np.isfinite(found)
    assert alive.any()
    np.testing.assert_allclose(found[alive], (standard[:, alive] ** 4).mean(axis=0) - 3, rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (2, 1280), (7, 5)])
def test_tiny_photos_are_searched_too(model, taps, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    excitation = window_activations(taps, pixels)
    for layer in activation_layers(model.layers):
        for exciter in strongest_patches([excitation], layer, 1):
            assert 0 < exciter.box.height <= size[0]
            assert 0 < exciter.box.width <= size[1]
