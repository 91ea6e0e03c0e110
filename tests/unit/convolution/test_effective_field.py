"""The effective field of hand-built stacks, beside torch's gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import ConvSpec, padding_amounts, receptive_field
from cnn_demo.convolution.effective_field import (
    middle_side,
    path_counts,
    random_influence,
    random_weights,
    stack_geometry,
    uniform_influence,
)

steps = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4)
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))
positions = st.tuples(st.floats(0, 1), st.floats(0, 1))


def torch_gradient(image, layers, weights, unit, relu):
    """The gradient of one unit by torch's autograd; padding as "same" has it."""
    x = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].requires_grad_()
    y = x
    for number, ((kernel, stride, dilation), w) in enumerate(zip(layers, weights, strict=True), 1):
        spec = ConvSpec(stride=stride, dilation=dilation)
        (top, bottom), (left, right) = padding_amounts(tuple(y.shape[2:]), (kernel, kernel), spec)
        y = torch.nn.functional.pad(y, (left, right, top, bottom))
        w = torch.from_numpy(np.ascontiguousarray(w.transpose(3, 2, 0, 1)))
        y = torch.nn.functional.conv2d(y, w, stride=stride, dilation=dilation)
        if relu and number < len(layers):
            y = torch.relu(y)
    y[0, 0, unit[0], unit[1]].backward()
    return x.grad[0].numpy().transpose(1, 2, 0), tuple(y.shape[2:])


def chosen_unit(size, layers, position):
    rows, columns = stack_geometry(size, layers)[-1].size
    return min(int(position[0] * rows), rows - 1), min(int(position[1] * columns), columns - 1)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(sizes, steps, positions)
def test_a_random_network_agrees_with_autograd(size, layers, position):
    image = np.random.default_rng(1).standard_normal((*size, 3)).astype(np.float32)
    unit = chosen_unit(size, layers, position)
    expected = np.zeros(size)
    for draw in range(2):
        weights = random_weights(layers, 3, 4, (7, draw))
        gradient, map_size = torch_gradient(image, layers, weights, unit, relu=True)
        assert map_size == stack_geometry(size, layers)[-1].size
        expected += np.abs(gradient).sum(axis=2)
    influence = random_influence(image, layers, unit, draws=2, seed=7, channels=4)
    assert influence.sum() == pytest.approx(1 if expected.any() else 0)
    np.testing.assert_allclose(influence * expected.sum(), expected, atol=2e-5 * max(1, expected.max()))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(sizes, steps, positions)
def test_equal_weights_agree_with_autograd(size, layers, position):
    image = np.zeros((*size, 1), np.float32)
    unit = chosen_unit(size, layers, position)
    weights = [np.full((kernel, kernel, 1, 1), kernel**-2, np.float32) for kernel, _, _ in layers]
    gradient, _ = torch_gradient(image, layers, weights, unit, relu=False)
    expected = gradient[..., 0] / (gradient.sum() or 1)  # a receptive field may be all padding
    np.testing.assert_allclose(uniform_influence(size, layers, unit), expected, atol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(steps)
def test_paths_fill_the_receptive_field(layers):
    ways = path_counts(layers)
    field = receptive_field(layers)
    assert len(ways) == field.size
    assert ways.sum() == math.prod(kernel for kernel, _, _ in layers)
    assert ways[0] == ways[-1] == 1
    np.testing.assert_array_equal(ways, ways[::-1])


def test_paths_through_two_layers_by_hand():
    np.testing.assert_array_equal(path_counts([(3, 1, 1), (3, 1, 1)]), [1, 2, 3, 2, 1])
    np.testing.assert_array_equal(path_counts([(3, 2, 1), (3, 1, 1)]), [1, 1, 2, 1, 2, 1, 1])
    np.testing.assert_array_equal(path_counts([(3, 1, 2)]), [1, 0, 1, 0, 1])


def test_far_from_every_border_the_influence_is_the_paths():
    layers = [(3, 1, 1)] * 4
    influence = uniform_influence((31, 31), layers, (15, 15))
    ways = path_counts(layers) / 81
    np.testing.assert_allclose(influence[11:20, 11:20], np.outer(ways, ways), atol=1e-12)
    assert influence[:11].sum() == 0


def test_many_equal_layers_tend_to_a_gaussian():
    """Each 3 × 3 box adds a variance of 2/3: the standard deviation grows as the root of the depth (Luo et al.)."""
    for depth in (4, 9, 16):
        ways = path_counts([(3, 1, 1)] * depth) / 3**depth
        offsets = np.arange(len(ways)) - depth
        assert np.sum(ways * offsets**2) == pytest.approx(2 * depth / 3)
        gaussian = np.exp(-(offsets**2) / (4 * depth / 3)) / np.sqrt(4 * np.pi * depth / 3)
        assert np.abs(ways - gaussian).max() < 0.05 / depth


def test_pixels_outside_the_field_have_no_influence():
    image = np.random.default_rng(3).standard_normal((40, 50, 3)).astype(np.float32)
    layers = [(3, 1, 1), (3, 2, 1), (3, 1, 2)]
    last = stack_geometry((40, 50), layers)[-1]
    influence = random_influence(image, layers, (9, 12))
    (top, bottom), (left, right) = (last.fields[axis].span((9, 12)[axis]) for axis in (0, 1))
    inside = influence[top : bottom + 1, left : right + 1]
    assert inside.sum() == pytest.approx(1)
    assert inside[0].any()
    assert inside[:, -1].any()


def test_an_image_that_opens_no_gate_has_no_influence():
    influence = random_influence(np.zeros((9, 9, 3), np.float32), [(3, 1, 1)] * 2, (4, 4))
    assert influence.shape == (9, 9)
    assert not influence.any()


@pytest.mark.parametrize(
    ("ways", "expected"), [([0, 0, 1, 0, 0], 1), ([1, 1, 1, 1, 1], 5), ([0, 1, 1, 1, 0], 3), ([1, 0, 0, 0, 1], 5)]
)
def test_the_middle_square(ways, expected):
    influence = np.outer(ways, ways).astype(float)
    assert middle_side(influence, (2, 2), 0.95) == expected


def test_the_middle_square_of_half_the_influence():
    influence = np.zeros((7, 7))
    influence[3, 3], influence[0, 0] = 0.5, 0.5
    assert middle_side(influence, (3, 3)) == 1
    influence[0, 0] = 0.6
    assert middle_side(influence, (3, 3)) == 7


def test_the_middle_square_about_a_point_between_pixels_or_at_the_border():
    assert middle_side(np.ones((4, 4)), (1.5, 1.5), 0.25) == 2
    assert middle_side(np.ones((4, 4)), (0, 0), 1.0) == 7
    assert middle_side(np.ones((4, 4)), (-1.5, 2.5), 1.0) == 10
    assert middle_side(np.zeros((4, 4)), (1, 1)) == 0
