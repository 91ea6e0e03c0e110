"""Effective fields of the bundled network, beside finite differences and its theoretical fields."""

import numpy as np
import pytest

from cnn_demo.models import load
from cnn_demo.models.explanation.explain import effective_field


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn", device="cpu")


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(4).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_agrees_with_finite_differences(model, pixels):
    """The stem is linear: moving one value by one step moves the unit by the gradient, exactly."""
    field = effective_field(model, "stem", pixels, unit=(10, 12))
    kernel = model.network.get_layer("stem").get_weights()[0]  # (5, 5, 3, 32)
    expected = np.zeros((32, 32), np.float32)
    expected[8:13, 10:15] = np.abs(kernel.sum(axis=3)).sum(axis=2)
    np.testing.assert_allclose(field, expected, rtol=1e-4, atol=1e-5)


def test_one_channel_of_a_deep_layer_agrees_with_finite_differences(model, pixels):
    row, column, step = 16, 17, 2
    pixels = pixels.clip(step, 255 - step)
    slopes = []
    for colour in range(3):
        up, down = pixels.copy(), pixels.copy()
        up[row, column, colour] += step
        down[row, column, colour] -= step
        values = [model.activations(each).maps["block1_conv2"][16, 16, 5] for each in (up, down)]
        slopes.append(abs(float(values[0] - values[1])) / (2 * step / 127.5))
    field = effective_field(model, "block1_conv2", pixels, unit=(16, 16), channel=5)
    assert field[row, column] == pytest.approx(sum(slopes), rel=0.25)


@pytest.mark.parametrize("layer", ["stem_relu", "block1_relu", "block2_conv1", "block3_relu", "block5_relu"])
@pytest.mark.parametrize("position", ["middle", "corner"])
def test_no_pixel_outside_the_theoretical_field_has_influence(model, pixels, layer, position):
    facts = next(each for each in model.layers if each.name == layer)
    unit = (facts.shape[0] // 2, facts.shape[1] // 2) if position == "middle" else (0, facts.shape[1] - 1)
    field = effective_field(model, layer, pixels, unit=unit)
    (top, bottom), (left, right) = (facts.field.span(each) for each in unit)
    inside = field[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
    assert inside.sum() > 0
    assert inside.sum() == pytest.approx(field.sum())


def test_the_middle_unit_is_the_default_and_photos_are_averaged(model, pixels):
    other = pixels[::-1].copy()
    both = effective_field(model, "block3_relu", np.stack([pixels, other]))
    each = [effective_field(model, "block3_relu", p, unit=(8, 8)) for p in (pixels, other)]
    np.testing.assert_allclose(both, np.mean(each, axis=0), rtol=1e-3, atol=1e-5)


def test_a_logit_depends_on_the_whole_picture(model, pixels):
    field = effective_field(model, "logits", pixels, channel=3)
    assert field.shape == (32, 32)
    assert (field > 0).mean() > 0.95


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layer": "nowhere"}, "There is no layer"),
        ({"layer": "image"}, "There is no layer"),
        ({"layer": "stem", "unit": (32, 0)}, "There is no unit"),
        ({"layer": "stem", "unit": (0, -1)}, "There is no unit"),
        ({"layer": "stem", "channel": 32}, "no channel 32"),
        ({"layer": "logits", "unit": (0, 0)}, "no rows and columns"),
    ],
)
def test_invalid_arguments_are_refused(model, pixels, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        effective_field(model, pixels=pixels, **options)


@pytest.mark.parametrize("wrong", [np.zeros((31, 32, 3), np.uint8), np.zeros((32, 32, 3)), np.zeros((0, 32, 32, 3))])
def test_pixels_of_another_size_or_type_are_refused(model, wrong):
    with pytest.raises(ValueError, match="pixels must be"):
        effective_field(model, "stem", wrong)
