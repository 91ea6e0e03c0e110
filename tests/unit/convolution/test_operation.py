import cv2
import numpy as np
import pytest
import scipy.ndimage
import torch

from cnn_demo.convolution import ConvSpec, convolve, convolve_definition, output_size, padding_amounts

from .oracles import covering, reference_pad, torch_convolve

STRIDES = (1, 2, 3, (2, 1))
DILATIONS = (1, 2, 3, (1, 2))
PADDINGS = ("same", "valid", 0, 1, 2, 3, (1, 2))
MODES = ("zeros", "reflect", "replicate", "circular")
KERNELS = ((1, 1), (2, 2), (3, 3), (4, 3), (1, 5), (7, 7), (15, 15), (6, 2), (8, 8))
SETTINGS = {kernel: [] for kernel in KERNELS}
for kernel, *others in covering(KERNELS, PADDINGS, MODES, STRIDES, DILATIONS, (False, True)):
    SETTINGS[kernel].append(others)


@pytest.fixture
def draw():
    return np.random.default_rng(7)


def fits(size, kernel_size, spec):
    (top, bottom), (left, right) = padding_amounts(size, kernel_size, spec)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, spec.dilation, strict=True)]
    return spans[0] <= size[0] + top + bottom and spans[1] <= size[1] + left + right


@pytest.mark.parametrize("kernel_size", KERNELS, ids=str)
def test_agrees_with_torch(kernel_size, draw):
    """Each two of kernel, padding, mode, stride, dilation and flip; all at once are 8,064."""
    image = draw.random((17, 20, 2), dtype=np.float32)
    weights = draw.standard_normal(kernel_size).astype(np.float32)
    for padding, mode, stride, dilation, flip in SETTINGS[kernel_size]:
        spec = ConvSpec(stride, padding, mode, dilation, flip)
        if not fits((17, 20), kernel_size, spec):
            with pytest.raises(ValueError, match="The kernel spans"):
                convolve(image, weights, spec)
            continue
        padded = reference_pad(image, padding_amounts((17, 20), kernel_size, spec), mode)
        applied = weights[::-1, ::-1] if spec.flip else weights
        expected = torch_convolve(padded, applied, spec.stride, spec.dilation, bias=0.25)
        result = convolve(image, weights, spec, bias=0.25)
        assert result.dtype == np.float32
        assert result.shape == (*output_size((17, 20), kernel_size, spec), 2) == expected.shape
        np.testing.assert_allclose(result, expected, atol=1e-4, err_msg=str(spec))


def test_definition_agrees_with_torch(draw):
    image = draw.random((8, 9, 2), dtype=np.float32)
    kernels, paddings = ((1, 1), (2, 2), (3, 3), (4, 3), (1, 5)), ("same", "valid", 2, (1, 2))
    for kernel_size, *settings in covering(kernels, (1, 2, (2, 1)), paddings, MODES, (1, (1, 2))):
        spec = ConvSpec(*settings)
        weights = draw.standard_normal(kernel_size).astype(np.float32)
        padded = reference_pad(image, padding_amounts((8, 9), kernel_size, spec), spec.padding_mode)
        expected = torch_convolve(padded, weights, spec.stride, spec.dilation, bias=-1)
        result = convolve_definition(image, weights, spec, -1)
        np.testing.assert_allclose(result, expected, atol=1e-5, err_msg=str(spec))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 2), (4, 3), (1, 5), (11, 11)], ids=str)
@pytest.mark.parametrize("dilation", [1, 2, (1, 2)], ids=str)
def test_same_padding_agrees_with_torch(kernel_size, dilation, draw):
    image = draw.random((30, 31), dtype=np.float32)
    weights = draw.standard_normal(kernel_size).astype(np.float32)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(image)[None, None], torch.from_numpy(weights)[None, None], padding="same", dilation=dilation
    )
    result = convolve(image, weights, ConvSpec(dilation=dilation))
    np.testing.assert_allclose(result, expected[0, 0].numpy(), atol=1e-4)


@pytest.mark.parametrize(("ours", "theirs"), [("reflect", "reflect"), ("replicate", "replicate"), ("circular",) * 2])
def test_padding_modes_agree_with_torch(ours, theirs, draw):
    image = draw.random((9, 8, 1), dtype=np.float32)
    weights = draw.standard_normal((5, 7)).astype(np.float32)
    x = torch.nn.functional.pad(torch.from_numpy(image).permute(2, 0, 1)[None], (3, 3, 2, 2), mode=theirs)
    expected = torch.nn.functional.conv2d(x, torch.from_numpy(weights)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(convolve(image, weights, ConvSpec(padding_mode=ours))[..., 0], expected, atol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), [("zeros", "constant"), ("reflect", "mirror"), ("replicate", "nearest")])
def test_agrees_with_scipy(ours, theirs, flip, draw):
    image = draw.random((40, 33), dtype=np.float32)
    weights = draw.standard_normal((7, 5)).astype(np.float32)
    theirs_function = scipy.ndimage.convolve if flip else scipy.ndimage.correlate
    expected = theirs_function(image.astype(np.float64), weights, mode=theirs)
    result = convolve(image, weights, ConvSpec(padding_mode=ours, flip=flip))
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_true_convolution_of_an_impulse_is_the_kernel(draw):
    weights = draw.standard_normal((5, 3)).astype(np.float32)
    impulse = np.zeros((5, 3), np.float32)
    impulse[2, 1] = 1
    np.testing.assert_array_equal(convolve(impulse, weights, ConvSpec(flip=True)), weights)
    np.testing.assert_array_equal(convolve(impulse, weights), weights[::-1, ::-1])


@pytest.mark.parametrize("channels", [1, 3, 4, 5, 70, 130, 300])
@pytest.mark.parametrize("stride", [1, (2, 1)], ids=str)
def test_layouts_of_weights_agree_with_torch(channels, stride, draw):
    image = draw.random((9, 11, channels), dtype=np.float32)
    spec = ConvSpec(stride, dilation=(1, 2), padding_mode="reflect", flip=True)
    padded = reference_pad(image, padding_amounts((9, 11), (3, 2), spec), "reflect")
    for shape in ((3, 2), (3, 2, channels), (3, 2, channels, 1), (3, 2, channels, 6)):
        weights = draw.standard_normal(shape).astype(np.float32)
        out_channels = shape[3] if len(shape) == 4 else channels
        for bias in (0.5, draw.standard_normal(out_channels)):
            expected = torch_convolve(padded, weights[::-1, ::-1], spec.stride, spec.dilation, bias)
            result = convolve(image, weights, spec, bias)
            assert result.dtype == np.float32
            np.testing.assert_allclose(result, expected, atol=1e-4)
            if channels < 6:
                np.testing.assert_allclose(convolve_definition(image, weights, spec, bias), expected, atol=1e-4)


def test_an_image_without_channels_stays_one(draw):
    image, weights = draw.random((8, 9), dtype=np.float32), draw.random((3, 3), dtype=np.float32)
    result = convolve(image, weights, ConvSpec(stride=2))
    assert result.shape == (4, 5)
    np.testing.assert_array_equal(result, convolve(image[..., np.newaxis], weights, ConvSpec(stride=2))[..., 0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 2), (2, 5)], ids=str)
def test_padding_may_exceed_the_image(size, mode, draw):
    image = draw.random(size, dtype=np.float32)
    for kernel_size, padding in (((3, 3), 7), ((15, 13), "same"), ((7, 7), (9, 8))):
        spec = ConvSpec(padding=padding, padding_mode=mode)
        weights = draw.standard_normal(kernel_size).astype(np.float32)
        padded = reference_pad(image[..., np.newaxis], padding_amounts(size, kernel_size, spec), mode)
        expected = torch_convolve(padded, weights, (1, 1), (1, 1))[..., 0]
        np.testing.assert_allclose(convolve(image, weights, spec), expected, atol=1e-4)


@pytest.mark.parametrize("size", [3, 5, 7, 9, 10, 11, 12, 13, 15])
def test_large_kernels_stay_exact(size, draw):
    image = draw.random((400, 300), dtype=np.float32)
    weights = draw.standard_normal((size, size)).astype(np.float32)
    exact = scipy.ndimage.correlate(image.astype(np.float64), weights.astype(np.float64), mode="mirror")
    odd = size % 2 == 1  # SciPy's window of an even kernel begins a pixel further up and left than Keras's
    expected = exact if odd else np.roll(exact, (-1, -1), axis=(0, 1))
    inside = (slice(size, -size), slice(size, -size))
    result = convolve(image, weights, ConvSpec(padding_mode="reflect"))
    assert np.abs(result[inside] - expected[inside]).max() < 2e-5


def test_any_memory_layout_and_number_type(draw):
    image = draw.integers(0, 256, (12, 10, 3), dtype=np.uint8)
    weights = draw.standard_normal((3, 3))
    expected = convolve(image.astype(np.float32), weights.astype(np.float32))
    frozen = image.astype(np.float32)
    frozen.flags.writeable = False
    reversed_twice = np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    for same in (image, image.astype(np.float64), frozen, reversed_twice, np.asfortranarray(image)):
        np.testing.assert_allclose(convolve(same, weights), expected, atol=1e-3)
    wide = np.repeat(image, 2, axis=1)[:, ::2].astype(np.float32)
    np.testing.assert_array_equal(convolve(wide, weights), expected)


def test_the_image_is_left_alone(draw):
    image = draw.random((6, 6), dtype=np.float32)
    before = image.copy()
    result = convolve(image, np.ones((1, 1), np.float32))
    result += 1
    np.testing.assert_array_equal(image, before)


def test_matches_filter2d_pixel_for_pixel(draw):
    image = draw.random((50, 60, 3), dtype=np.float32)
    weights = draw.standard_normal((5, 5)).astype(np.float32)
    expected = cv2.filter2D(image, -1, weights, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_array_equal(convolve(image, weights, ConvSpec(padding_mode="reflect")), expected)


@pytest.mark.parametrize(
    ("image_shape", "weights_shape", "bias", "message"),
    [
        ((5,), (3, 3), 0, "An image has the shape"),
        ((0, 5), (3, 3), 0, "An image has the shape"),
        ((5, 5), (3,), 0, "Weights have the shape"),
        ((5, 5, 3), (3, 3, 2), 0, "do not fit the channels"),
        ((5, 5), (3, 3, 1), 0, "do not fit the channels"),
        ((5, 5, 3), (3, 3, 2, 4), 0, "do not fit the channels"),
        ((5, 5, 3), (3, 3), np.zeros(2), "The bias must be one number or 3"),
        ((5, 5), (3, 3), np.zeros(1), "The bias must be one number"),
    ],
)
def test_refuses_shapes_that_do_not_fit(image_shape, weights_shape, bias, message):
    with pytest.raises(ValueError, match=message):
        convolve(np.zeros(image_shape, np.float32), np.zeros(weights_shape, np.float32), bias=bias)


def test_refuses_nan_and_infinite_weights():
    with pytest.raises(ValueError, match="finite"):
        convolve(np.zeros((5, 5), np.float32), np.full((3, 3), np.nan, np.float32))


def test_a_stride_does_not_keep_the_unstrided_result_in_memory():
    result = convolve(np.zeros((64, 64), np.float32), np.ones((3, 3), np.float32), ConvSpec(stride=4))
    assert result.flags.c_contiguous
    assert result.base is None or result.base.nbytes == result.nbytes
