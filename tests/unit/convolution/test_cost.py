import pytest
import torch

from cnn_demo.convolution import (
    ConvSpec,
    dense_multiply_adds,
    dense_parameter_count,
    multiply_adds,
    output_size,
    parameter_count,
)

VGG16 = ((224, (64, 64)), (112, (128, 128)), (56, (256,) * 3), (28, (512,) * 3), (14, (512,) * 3))


@pytest.mark.parametrize(
    ("kernel_size", "ins", "outs", "groups", "bias"),
    [(3, 3, 64, 1, True), ((1, 5), 8, 4, 4, False), (3, 6, 6, 6, True)],
)
def test_parameters_are_those_of_torch(kernel_size, ins, outs, groups, bias):
    layer = torch.nn.Conv2d(ins, outs, kernel_size, groups=groups, bias=bias)
    expected = sum(p.numel() for p in layer.parameters())
    assert parameter_count(kernel_size, ins, outs, bias, groups) == expected


def test_vgg16_as_published():
    channels, parameters, multiplications = 3, 0, 0
    for side, layers in VGG16:
        for filters in layers:
            parameters += parameter_count(3, channels, filters)
            multiplications += multiply_adds((side, side), 3, ConvSpec(), channels, filters)
            channels = filters
    assert parameters == 14_714_688  # "VGG16, no top" in keras.applications
    assert multiplications == 15_346_630_656  # with the dense layers' 0.12 G, the 15.5 G commonly reported


def test_every_tap_of_every_window_counts():
    spec = ConvSpec(stride=(2, 3), padding=(1, 2), dilation=(1, 2))
    height, width = output_size((9, 13), (3, 2), spec)
    counted = sum(1 for _ in range(height) for _ in range(width) for _ in range(3) for _ in range(2) for _ in range(4))
    assert multiply_adds((9, 13), (3, 2), spec, 4, 4, groups=4) == counted
    assert multiply_adds((9, 13), (3, 2), spec, 4, 6) == counted * 6


def test_dense_layers_are_those_of_torch():
    layer = torch.nn.Linear(4 * 5 * 3, 2 * 3 * 7)
    assert dense_parameter_count((4, 5), (2, 3), 3, 7) == sum(p.numel() for p in layer.parameters())
    assert dense_parameter_count((4, 5), (2, 3), 3, 7, bias=False) == layer.weight.numel()
    assert dense_multiply_adds((4, 5), (2, 3), 3, 7) == layer.weight.numel()


@pytest.mark.parametrize("channels", [(6, 4, 4), (4, 6, 4), (0, 1, 1), (4, 4, 0)])
def test_groups_must_divide_the_channels(channels):
    ins, outs, groups = channels
    with pytest.raises(ValueError, match="must divide"):
        parameter_count(3, ins, outs, groups=groups)
