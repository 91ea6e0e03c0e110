"""Shared weights: the matrices against the convolution itself, and equivariance to shifts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import ConvSpec, convolve, output_size
from cnn_demo.convolution.sharing import layer_costs, moved_difference, random_layer, weight_numbers

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(sizes, st.integers(1, 4), st.integers(1, 3))
def test_the_matrix_of_a_convolution_computes_it(size, kernel, stride):
    spec = ConvSpec(stride=stride)
    draw = np.random.default_rng(0)
    image, weights = draw.standard_normal(size).astype("f"), draw.standard_normal((kernel, kernel)).astype("f")
    numbers = weight_numbers("convolution", size, (kernel, kernel), spec)
    matrix = np.where(numbers < 0, 0, weights.ravel()[numbers])
    expected = convolve(image, weights, spec)
    np.testing.assert_allclose((matrix @ image.ravel()).reshape(expected.shape), expected, atol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(sizes, st.integers(1, 4), st.integers(1, 3))
def test_only_the_convolution_shares_weights(size, kernel, stride):
    spec = ConvSpec(stride=stride)
    shared, local, dense = (weight_numbers(k, size, (kernel, kernel), spec) for k in ("convolution", "local", "dense"))
    np.testing.assert_array_equal(local >= 0, shared >= 0)
    used = local[local >= 0]
    assert len(np.unique(used)) == used.size
    assert len(np.unique(dense)) == dense.size
    assert shared.max() < kernel**2


def test_costs_by_hand():
    costs = layer_costs((8, 8), 3, 1, 2, 4)
    assert costs["convolution"].parameters == 3 * 3 * 2 * 4 + 4
    assert costs["dense"].parameters == (64 * 2) * (64 * 4) + 64 * 4
    assert costs["local"].parameters == 22 * 22 * 2 * 4 + 64 * 4  # 3 taps at 6 positions of a row, 2 at the outer ones
    assert costs["local"].multiply_adds == costs["convolution"].multiply_adds == 64 * 72
    assert [costs[kind].inputs for kind in ("dense", "local", "convolution")] == [128, 18, 18]


@settings(derandomize=True, deadline=None, max_examples=40)
@given(sizes, st.integers(1, 9), st.integers(1, 4))
def test_costs_equal_the_entries_of_the_matrices(size, kernel, stride):
    costs = layer_costs(size, kernel, stride, 1, 1)
    for kind in ("dense", "local"):
        matrix = weight_numbers(kind, size, (kernel, kernel), ConvSpec(stride=stride))
        assert costs[kind].parameters == len(np.unique(matrix[matrix >= 0])) + len(matrix)
    assert costs["local"].parameters <= costs["dense"].parameters


def test_costs_are_those_of_keras():
    from cnn_demo.models import frameworks

    keras = frameworks.keras()
    image = keras.Input((12, 12, 3))
    convolution = keras.layers.Conv2D(8, 5, strides=2, padding="same")
    rows, columns, _ = convolution(image).shape[1:]
    dense = keras.layers.Dense(rows * columns * 8)
    dense(keras.layers.Flatten()(image))
    costs = layer_costs((12, 12), 5, 2, 3, 8)
    assert costs["convolution"].parameters == convolution.count_params()
    assert costs["dense"].parameters == dense.count_params()


@pytest.mark.parametrize("kind", ["dense", "local", "convolution"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_random_layer_is_linear_and_the_same_every_time(kind, stride):
    draw = np.random.default_rng(5)
    first, second = (draw.standard_normal((9, 11)).astype("f") for _ in range(2))
    run = [random_layer(kind, image, 3, stride) for image in (first, second, first + second)]
    assert run[0].shape == output_size((9, 11), (3, 3), ConvSpec(stride=stride))
    np.testing.assert_allclose(run[0] + run[1], run[2], atol=1e-4)
    np.testing.assert_array_equal(run[0], random_layer(kind, first, 3, stride))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_only_the_convolution_follows_the_photo(stride):
    photo = np.random.default_rng(6).standard_normal((24, 36)).astype("f")
    before, after = photo[:, 6:30], photo[:, :24]  # moved by 6, which all the strides divide
    left = {}
    for kind in ("dense", "local", "convolution"):
        maps = [random_layer(kind, image, 5, stride) for image in (before, after)]
        difference, left[kind] = moved_difference(*maps, 6 // stride, 2)
        assert difference.shape == maps[0].shape
    assert left["convolution"] < 1e-6
    assert left["local"] > 0.3
    assert left["dense"] > 0.3


def test_a_shift_between_two_windows_is_not_followed():
    photo = np.random.default_rng(7).standard_normal((24, 36)).astype("f")
    maps = [random_layer("convolution", photo[:, start : start + 24], 3, 2) for start in (3, 0)]
    assert min(moved_difference(*maps, steps, 1)[1] for steps in (1, 2)) > 0.3


def test_an_empty_map_differs_from_nothing():
    assert moved_difference(np.zeros((4, 4)), np.zeros((4, 4)), 1, 1)[1] == 0
    assert moved_difference(np.ones((4, 4)), np.zeros((4, 4)), 4, 2)[1] == 0
