"""Parameters and multiply-adds of a convolutional layer, and of a dense layer of the same size."""

from cnn_demo.convolution.geometry import ConvSpec, Pair, as_pair, output_size


def parameter_count(
    kernel_size: int | Pair, in_channels: int = 1, out_channels: int = 1, bias: bool = True, groups: int = 1
) -> int:
    """Return the number of parameters of a convolutional layer; it does not depend on the image size.

    Args:
        kernel_size: (kh, kw), or one integer.
        in_channels: channels of the input.
        out_channels: filters.
        bias: whether each filter has a bias.
        groups: parts that the channels are divided into; equal to `in_channels` for a depthwise layer.

    Raises:
        ValueError: if the groups do not divide the channels.
    """
    kh, kw = as_pair(kernel_size, "kernel_size", 1)
    return kh * kw * _connections(in_channels, out_channels, groups) + (out_channels if bias else 0)


def multiply_adds(
    input_size: Pair,
    kernel_size: int | Pair,
    spec: ConvSpec,
    in_channels: int = 1,
    out_channels: int = 1,
    groups: int = 1,
) -> int:
    """Return the number of multiply-adds of a convolutional layer for one image.

    Taps on the padding count, as the usual counters have it; the bias does not.

    Args:
        input_size: (H, W) of the image.
        kernel_size: (kh, kw), or one integer.
        spec: stride, padding and dilation.
        in_channels: channels of the input.
        out_channels: filters.
        groups: as in `parameter_count`.

    Raises:
        ValueError: if no window fits, or the groups do not divide the channels.

    Example:
        >>> from cnn_demo.convolution import ConvSpec, multiply_adds
        >>> multiply_adds((224, 224), 3, ConvSpec(), in_channels=3, out_channels=64)  # the first layer of VGG16
        86704128
    """
    kernel_size = as_pair(kernel_size, "kernel_size", 1)
    height, width = output_size(input_size, kernel_size, spec)
    return height * width * parameter_count(kernel_size, in_channels, out_channels, bias=False, groups=groups)


def dense_parameter_count(
    input_size: Pair, output_size: Pair, in_channels: int = 1, out_channels: int = 1, bias: bool = True
) -> int:
    """Return the number of parameters of a dense layer with the same input and output sizes."""
    outputs = output_size[0] * output_size[1] * out_channels
    return input_size[0] * input_size[1] * in_channels * outputs + (outputs if bias else 0)


def dense_multiply_adds(input_size: Pair, output_size: Pair, in_channels: int = 1, out_channels: int = 1) -> int:
    """Return the number of multiply-adds of that dense layer for one image: one per weight."""
    return dense_parameter_count(input_size, output_size, in_channels, out_channels, bias=False)


def _connections(in_channels: int, out_channels: int, groups: int) -> int:
    if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
        raise ValueError(f"{groups} groups must divide both {in_channels} input and {out_channels} output channels.")
    return in_channels * out_channels // groups
