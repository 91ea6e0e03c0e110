import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import (
    ConvSpec,
    convolve,
    convolve_definition,
    dropped_border,
    explain_pixel,
    output_size,
    pad_image,
    padding_amounts,
)

fixed = settings(derandomize=True, deadline=None, max_examples=120)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
paddings = st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 6), st.integers(0, 6)))
specs = st.builds(
    ConvSpec,
    stride=pairs,
    padding=paddings,
    padding_mode=st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
    dilation=pairs,
    flip=st.booleans(),
)
kernel_sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
seeds = st.integers(0, 2**32 - 1)


def drawn(seed, *shapes):
    draw = np.random.default_rng(seed)
    return [draw.standard_normal(shape).astype(np.float32) for shape in shapes]


def fits(size, kernel_size, spec):
    try:
        output_size(size, kernel_size, spec)
    except ValueError:
        return False
    return True


@fixed
@given(sizes, kernel_sizes, specs, seeds, st.sampled_from([(), (1,), (3,)]), st.floats(-2, 2))
def test_fast_agrees_with_the_definition(size, kernel_size, spec, seed, channels, bias):
    assume(fits(size, kernel_size, spec))
    image, weights = drawn(seed, size + channels, kernel_size)
    result, expected = convolve(image, weights, spec, bias), convolve_definition(image, weights, spec, bias)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-4)


@fixed
@given(sizes, kernel_sizes, specs, seeds, st.integers(1, 6), st.integers(1, 3))
def test_summed_channels_agree_with_the_definition(size, kernel_size, spec, seed, channels, filters):
    assume(fits(size, kernel_size, spec))
    image, weights, bias = drawn(seed, (*size, channels), (*kernel_size, channels, filters), (filters,))
    expected = convolve_definition(image, weights, spec, bias)
    np.testing.assert_allclose(convolve(image, weights, spec, bias), expected, atol=1e-4)


@fixed
@given(sizes, kernel_sizes, specs)
def test_windows_and_dropped_border_fill_the_padded_image(size, kernel_size, spec):
    (top, bottom), (left, right) = padding_amounts(size, kernel_size, spec)
    padded = size[0] + top + bottom, size[1] + left + right
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, spec.dilation, strict=True)]
    if spans[0] > padded[0] or spans[1] > padded[1]:
        with pytest.raises(ValueError, match="The kernel spans"):
            output_size(size, kernel_size, spec)
        return
    counts, dropped = output_size(size, kernel_size, spec), dropped_border(size, kernel_size, spec)
    for axis in (0, 1):
        starts = range(0, padded[axis] - spans[axis] + 1, spec.stride[axis])
        assert counts[axis] == len(starts)
        assert dropped[axis] == padded[axis] - (starts[-1] + spans[axis])
        if spec.padding == "same":
            assert counts[axis] == -(-size[axis] // spec.stride[axis])


@fixed
@given(sizes, kernel_sizes, specs, seeds, st.data())
def test_arithmetic_of_a_pixel_is_that_pixel(size, kernel_size, spec, seed, data):
    assume(fits(size, kernel_size, spec))
    image, weights = drawn(seed, (*size, 2), kernel_size)
    height, width = output_size(size, kernel_size, spec)
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    explanation = explain_pixel(image, weights, spec, 0.5, row, column, channel=1)
    assert explanation.total == pytest.approx(convolve(image, weights, spec, 0.5)[row, column, 1], abs=1e-4)
    assert explanation.total == pytest.approx(explanation.products.sum() + 0.5, abs=1e-4)
    np.testing.assert_array_equal(explanation.products, explanation.window * explanation.kernel)
    np.testing.assert_array_equal(explanation.kernel, weights[::-1, ::-1] if spec.flip else weights)
    for u, y in enumerate(explanation.rows):
        for v, x in enumerate(explanation.columns):
            inside = 0 <= y < size[0] and 0 <= x < size[1]
            assert explanation.inside[u, v] == inside
            if inside:
                assert explanation.window[u, v] == image[y, x, 1]
            elif spec.padding_mode == "zeros":
                assert explanation.window[u, v] == 0


@fixed
@given(sizes, st.tuples(*[st.integers(0, 12)] * 4), seeds, st.sampled_from(["zeros", "reflect", "replicate"]))
def test_padding_keeps_the_image_in_the_middle(size, amounts, seed, mode):
    (image,) = drawn(seed, (*size, 2))
    top, bottom, left, right = amounts
    padded = pad_image(image, ((top, bottom), (left, right)), mode)
    assert padded.shape == (size[0] + top + bottom, size[1] + left + right, 2)
    np.testing.assert_array_equal(padded[top : top + size[0], left : left + size[1]], image)


@fixed
@given(kernel_sizes, specs, seeds)
def test_convolution_is_linear(kernel_size, spec, seed):
    assume(fits((9, 9), kernel_size, spec))
    one, other, weights = drawn(seed, (9, 9), (9, 9), kernel_size)
    together = convolve(2 * one - other, weights, spec)
    np.testing.assert_allclose(together, 2 * convolve(one, weights, spec) - convolve(other, weights, spec), atol=2e-4)
