import itertools

import numpy as np
import pytest
import torch

from cnn_demo.convolution import (
    ConvSpec,
    convolve,
    output_size,
    transposed_convolve,
    transposed_convolve_definition,
    transposed_output_size,
)


@pytest.fixture
def draw():
    return np.random.default_rng(3)


def torch_transposed(image, weights, **settings):
    channels = image.shape[2]
    if weights.ndim == 2:
        weights = np.repeat(weights[:, :, np.newaxis], channels, axis=2)
    if weights.ndim == 3:
        kernel, groups = weights.transpose(2, 0, 1)[:, np.newaxis], channels
    else:
        kernel, groups = weights.transpose(2, 3, 0, 1), 1
    x, kernel = (torch.from_numpy(np.ascontiguousarray(a)) for a in (image.transpose(2, 0, 1)[np.newaxis], kernel))
    y = torch.nn.functional.conv_transpose2d(x, kernel, groups=groups, **settings)
    return y[0].permute(1, 2, 0).numpy()


def combinations():
    strides, paddings, extras, dilations = (1, 2, 3, (2, 1)), (0, 1, (2, 0)), (0, 1, (1, 0)), (1, 2, (1, 3))
    for stride, padding, extra, dilation in itertools.product(strides, paddings, extras, dilations):
        yield {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation}


@pytest.mark.parametrize("tail", [(), (3,), (3, 1), (3, 4)], ids=str)
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 2), (3, 3), (4, 3), (1, 5)], ids=str)
def test_agrees_with_torch_and_the_definition(kernel_size, tail, draw):
    image = draw.random((3, 4, 3), dtype=np.float32)
    weights = draw.standard_normal(kernel_size + tail).astype(np.float32)
    compared = refused = 0
    for settings in combinations():
        try:
            expected = torch_transposed(image, weights, **settings)
        except RuntimeError:
            expected = np.empty((0, 0))
        if 0 in expected.shape:
            with pytest.raises(ValueError, match=r"output_padding|crops everything"):
                transposed_convolve(image, weights, **settings)
            refused += 1
            continue
        result = transposed_convolve(image, weights, **settings)
        assert result.dtype == np.float32
        assert result.shape[:2] == transposed_output_size((3, 4), kernel_size, **settings)
        np.testing.assert_allclose(result, expected, atol=1e-5, err_msg=str(settings))
        if tail in ((), (3, 4)):
            loops = transposed_convolve_definition(image, weights, **settings)
            np.testing.assert_allclose(loops, expected, atol=1e-5, err_msg=str(settings))
        compared += 1
    assert compared > refused > 0


def test_bias_and_an_image_without_channels(draw):
    image, weights = draw.random((4, 5), dtype=np.float32), draw.random((3, 3), dtype=np.float32)
    plain = transposed_convolve(image, weights, stride=2)
    assert plain.shape == (9, 11)
    np.testing.assert_allclose(transposed_convolve(image, weights, stride=2, bias=0.5), plain + 0.5, atol=1e-6)
    maps, summing = draw.random((4, 5, 2), dtype=np.float32), draw.random((3, 3, 2, 3), dtype=np.float32)
    shifted = transposed_convolve(maps, summing, bias=np.arange(3.0)) - transposed_convolve(maps, summing)
    np.testing.assert_allclose(shifted, np.broadcast_to(np.arange(3.0), shifted.shape), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_is_the_transpose_of_convolution(stride, padding, dilation, draw):
    spec = ConvSpec(stride, padding, dilation=dilation)
    size, kernel_size = (11, 11), (3, 3)
    forward = output_size(size, kernel_size, spec)
    extra = size[0] - transposed_output_size(forward, kernel_size, stride, padding, 0, dilation)[0]
    weights, image, other = (draw.standard_normal(shape).astype(np.float32) for shape in (kernel_size, size, forward))
    back = transposed_convolve(other, weights, stride, padding, extra, dilation)
    assert np.vdot(convolve(image, weights, spec), other) == pytest.approx(np.vdot(image, back), rel=1e-4, abs=1e-4)


def test_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fit the channels"):
        transposed_convolve(np.zeros((4, 4, 3)), np.zeros((3, 3, 2, 5)), stride=2)
    with pytest.raises(ValueError, match="stride must be at least 1"):
        transposed_convolve(np.zeros((4, 4)), np.zeros((3, 3)), stride=0)
