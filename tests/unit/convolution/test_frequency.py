import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, convolve, frequency_axis, frequency_response, kernel


def test_axis_runs_from_minus_a_half():
    axis = frequency_axis(64)
    assert (axis[0], axis[32], len(axis)) == (-0.5, 0, 64)
    np.testing.assert_allclose(np.diff(axis), 1 / 64)


@pytest.mark.parametrize("resolution", [15, 16, 64])
def test_is_the_sum_over_the_taps_it_stands_for(resolution):
    weights = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    response, axis = frequency_response(weights, resolution), frequency_axis(resolution)
    assert response.shape == (resolution, resolution)
    assert response.dtype == np.float32
    rows, columns = np.arange(5)[:, np.newaxis], np.arange(4)
    for i, j in ((0, 0), (3, 11), (resolution // 2, resolution // 2), (resolution - 1, 2)):
        expected = abs(np.sum(weights * np.exp(-2j * np.pi * (axis[i] * rows + axis[j] * columns))))
        assert response[i, j] == pytest.approx(expected, abs=1e-4)


def test_is_the_gain_of_each_wave():
    weights = kernel("gaussian", size=7, sigma=1.0)
    columns = np.arange(128)
    axis, response = frequency_axis(64), frequency_response(weights)
    for j in (36, 44, 52):
        wave = np.tile(np.cos(2 * np.pi * axis[j] * columns), (16, 1)).astype(np.float32)
        left = np.abs(convolve(wave, weights, ConvSpec(padding="valid"))).max()
        assert response[32, j] == pytest.approx(left, abs=0.02)


def test_blurs_keep_the_middle_and_edges_lose_it():
    assert frequency_response(kernel("gaussian"))[32, 32] == pytest.approx(1, abs=1e-5)
    assert frequency_response(kernel("sobel"))[32, 32] == pytest.approx(0, abs=1e-5)
    fine = frequency_response(kernel("gaussian", size=9, sigma=1.5))[32, 32:]
    assert (np.diff(fine[:24]) < 0).all()


def test_refuses_a_kernel_that_would_be_cropped():
    with pytest.raises(ValueError, match="at most 8 a side"):
        frequency_response(np.ones((9, 3), np.float32), resolution=8)
    with pytest.raises(ValueError, match="must be"):
        frequency_response(np.ones((3, 3, 3), np.float32))
