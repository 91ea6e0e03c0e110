import dataclasses

import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, dilated_size, dropped_border, output_size, pad_image, padding_amounts

from .oracles import reference_pad


def test_defaults_and_normalisation():
    assert ConvSpec() == ConvSpec((1, 1), "same", "zeros", (1, 1), False)
    assert ConvSpec(stride=2, padding=3, dilation=np.int64(4)) == ConvSpec((2, 2), (3, 3), "zeros", (4, 4))
    assert ConvSpec(stride=[2, 1]).stride == (2, 1)
    assert len({ConvSpec(2), ConvSpec((2, 2))}) == 1


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ConvSpec().stride = (2, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stride": 0}, "stride must be at least 1, not 0"),
        ({"stride": (1, 2, 3)}, "stride must be one integer or two"),
        ({"stride": 1.5}, "stride must be one integer or two"),
        ({"stride": (True, 1)}, "stride must be one integer or two"),
        ({"dilation": (1, -1)}, "dilation must be at least 1"),
        ({"padding": -1}, "padding must be at least 0"),
        ({"padding": "full"}, 'padding must be "same", "valid" or a number of pixels, not \'full\''),
        ({"padding_mode": "mirror"}, "padding_mode must be one of zeros, reflect, replicate, circular"),
    ],
)
def test_refuses_in_one_sentence(settings, message):
    with pytest.raises(ValueError, match=message) as refusal:
        ConvSpec(**settings)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("size", "kernel_size", "spec", "amounts", "output", "dropped"),
    [
        ((5, 5), (3, 3), ConvSpec(padding="valid"), ((0, 0), (0, 0)), (3, 3), (0, 0)),
        ((5, 5), (3, 3), ConvSpec(padding=1, stride=2), ((1, 1), (1, 1)), (3, 3), (0, 0)),
        ((6, 6), (3, 3), ConvSpec(padding=1, stride=2), ((1, 1), (1, 1)), (3, 3), (1, 1)),
        ((6, 6), (3, 3), ConvSpec(stride=2), ((0, 1), (0, 1)), (3, 3), (0, 0)),
        ((224, 224), (7, 7), ConvSpec(stride=2), ((2, 3), (2, 3)), (112, 112), (0, 0)),
        ((227, 227), (11, 11), ConvSpec(stride=4, padding="valid"), ((0, 0), (0, 0)), (55, 55), (0, 0)),
        ((224, 224), (11, 11), ConvSpec(stride=4, padding=2), ((2, 2), (2, 2)), (55, 55), (1, 1)),
        ((5, 8), (4, 2), ConvSpec(), ((1, 2), (0, 1)), (5, 8), (0, 0)),
        ((7, 7), (3, 3), ConvSpec(dilation=2, padding="valid"), ((0, 0), (0, 0)), (3, 3), (0, 0)),
        ((5, 5), (1, 1), ConvSpec(stride=3), ((0, 0), (0, 0)), (2, 2), (1, 1)),
    ],
)
def test_published_and_hand_made_examples(size, kernel_size, spec, amounts, output, dropped):
    assert padding_amounts(size, kernel_size, spec) == amounts
    assert output_size(size, kernel_size, spec) == output
    assert dropped_border(size, kernel_size, spec) == dropped


def test_dilated_size():
    assert dilated_size((3, 5), (2, 1)) == (5, 5)


def test_a_kernel_larger_than_the_padded_image_is_refused():
    with pytest.raises(ValueError, match=r"The kernel spans 9 × 9 pixels but the padded image has only 5 × 8\."):
        output_size((5, 8), (5, 5), ConvSpec(padding="valid", dilation=2))
    assert output_size((5, 8), (5, 5), ConvSpec(padding=2, dilation=2)) == (1, 4)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_padding_repeats_a_small_image(mode):
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    for small in (image, image[:1], image[:, :1], image[:1, :1], image[..., np.newaxis]):
        amounts = ((7, 8), (9, 1))
        np.testing.assert_array_equal(pad_image(small, amounts, mode), reference_pad(small, amounts, mode))


def test_padding_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="padding_mode must be one of"):
        pad_image(np.zeros((2, 2)), ((1, 1), (1, 1)), "wrap")
