"""Code to copy: the same convolution, written for PyTorch, Keras and plain NumPy.

Each snippet expects `image`, (H, W, C) float32 in 0...1, and leaves `result`, (H', W', C) float32. Where a framework's
own options cover the spec they are used; otherwise the padding is written out.
"""

import numpy as np

from cnn_demo.convolution.activations import ACTIVATIONS
from cnn_demo.convolution.geometry import ConvSpec, dilated_size

FRAMEWORKS = ("pytorch", "keras", "numpy")

_NUMPY_MODES = {"zeros": "", "reflect": ', mode="reflect"', "replicate": ', mode="edge"', "circular": ', mode="wrap"'}
_ACTIVATION_LINES = {
    "pytorch": {name: f"y = torch.{name}(y)" for name in ("abs", "relu", "sigmoid", "tanh")},
    "keras": {name: f"y = keras.ops.{name}(y)" for name in ("abs", "relu", "sigmoid", "tanh")},
    "numpy": {
        "abs": "result = np.abs(result)",
        "relu": "result = np.maximum(result, 0)",
        "sigmoid": "result = 1 / (1 + np.exp(-result))",
        "tanh": "result = np.tanh(result)",
    },
}


def snippet(
    framework: str,
    weights: np.ndarray,
    spec: ConvSpec,
    bias: float = 0.0,
    *,
    activation: str = "none",
    channels: int = 3,
) -> str:
    """Return Python source that computes `activate(convolve(image, weights, spec, bias), activation)`.

    Args:
        framework: "pytorch", "keras" or "numpy".
        weights: (kh, kw), used on every channel.
        spec: stride, padding, dilation and flip.
        bias: added to every result.
        activation: a key of `ACTIVATIONS`.
        channels: of the image, usually 1 or 3.

    Returns:
        A script without functions that reads `image` and sets `result`. Mirrored and wrapped padding must be smaller
        than the image in PyTorch, which refuses more.

    Raises:
        ValueError: if the framework or the activation is unknown, or the weights are not (kh, kw).
    """
    writers = {"pytorch": _pytorch, "keras": _keras, "numpy": _numpy}
    if framework not in writers:
        raise ValueError(f"There is no framework {framework!r}; choose one of {', '.join(FRAMEWORKS)}.")
    if activation not in ACTIVATIONS:
        raise ValueError(f"There is no activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}.")
    weights = np.asarray(weights, np.float32)
    if weights.ndim != 2 or not np.isfinite(weights).all():
        raise ValueError(f"A snippet is written for finite weights (kh, kw), not {weights.shape}.")
    activate = [] if activation == "none" else [_ACTIVATION_LINES[framework][activation]]
    lines = writers[framework](weights, spec, float(bias), activate, channels)
    return "\n".join(lines) + "\n"


def _pytorch(weights: np.ndarray, spec: ConvSpec, bias: float, activate: list[str], channels: int) -> list[str]:
    kh, kw = weights.shape
    options = [f"groups={channels}"] if channels > 1 else []
    if spec.stride != (1, 1):
        options.append(f"stride={_short(spec.stride)}")
    if spec.dilation != (1, 1):
        options.append(f"dilation={_short(spec.dilation)}")
    pad = []
    if _is_plain(spec) and (spec.padding != "same" or spec.stride == (1, 1)):
        options += _padding_option(spec)
    elif spec.padding not in ("valid", (0, 0)):
        lines, (top, bottom, left, right) = _padding(weights.shape, spec)
        mode = "" if spec.padding_mode == "zeros" else f', mode="{spec.padding_mode}"'
        pad = [*lines, f"x = F.pad(x, ({left}, {right}, {top}, {bottom}){mode})"]
    call = ", ".join(["x", "kernel", *options])
    return [
        "import torch",
        "import torch.nn.functional as F",
        "",
        f"# image: float32 array (H, W, {channels}), values 0 to 1",
        f"weights = torch.tensor({_matrix(weights)}, dtype=torch.float32)",
        *(["weights = weights.flip(0, 1)  # true convolution rotates the kernel by 180°"] if spec.flip else []),
        f"kernel = weights.expand({channels}, 1, {kh}, {kw})" + _comment(channels),
        "x = torch.from_numpy(image).permute(2, 0, 1)[None]  # (1, C, H, W)",
        *pad,
        f"y = F.conv2d({call})" + _plus(bias),
        *activate,
        "result = y[0].permute(1, 2, 0).numpy()",
    ]


def _keras(weights: np.ndarray, spec: ConvSpec, bias: float, activate: list[str], channels: int) -> list[str]:
    strided, dilated = spec.stride != (1, 1), spec.dilation != (1, 1)
    # TensorFlow promises depthwise strides only if they are equal and the kernel is not dilated.
    by_hand = spec.stride[0] != spec.stride[1] or (strided and dilated)
    options, pad = [], []
    if _is_plain(spec) and spec.padding in ("same", "valid") and not (by_hand and spec.padding == "same"):
        options += _padding_option(spec)
    elif spec.padding not in ("valid", (0, 0)):
        pad = _numpy_padding(weights.shape, spec)
    if strided and not by_hand:
        options.append(f"strides={spec.stride[0]}")
    if dilated:
        options.append(f"dilation_rate={_short(spec.dilation)}")
    rows, columns = spec.stride
    call = ", ".join(["x[None]" if pad else "image[None]", "kernel", *options])
    return [
        "import keras",
        "import numpy as np",
        "",
        f"# image: float32 array (H, W, {channels}), values 0 to 1",
        f'weights = np.array({_matrix(weights)}, dtype="float32")',
        *_numpy_flip(spec),
        f"kernel = np.repeat(weights[:, :, None, None], {channels}, axis=2)" + _comment(channels),
        *pad,
        f"y = keras.ops.depthwise_conv({call})" + _plus(bias),
        *([f"y = y[:, ::{rows}, ::{columns}]  # the stride, where TensorFlow's own has limits"] if by_hand else []),
        *activate,
        "result = keras.ops.convert_to_numpy(y[0])",
    ]


def _numpy(weights: np.ndarray, spec: ConvSpec, bias: float, activate: list[str], channels: int) -> list[str]:
    span = dilated_size(weights.shape, spec.dilation)
    pad = [] if spec.padding in ("valid", (0, 0)) else _numpy_padding(weights.shape, spec)
    view = f"sliding_window_view({'x' if pad else 'image'}, {span}, axis=(0, 1))"
    pick = []
    if spec.stride != (1, 1) or spec.dilation != (1, 1):
        steps = ", ".join(f"::{n}" if n > 1 else ":" for n in (*spec.stride, 1, *spec.dilation))
        pick = [f"windows = windows[{steps}]  # stride and dilation"]
    return [
        "import numpy as np",
        "",
        f"# image: float32 array (H, W, {channels}), values 0 to 1",
        f'weights = np.array({_matrix(weights)}, dtype="float32")',
        *_numpy_flip(spec),
        *pad,
        f"windows = np.lib.stride_tricks.{view}  # (H', W', C, kh, kw)",
        *pick,
        'result = np.einsum("hwcij,ij->hwc", windows, weights)' + _plus(bias),
        *activate,
    ]


def _is_plain(spec: ConvSpec) -> bool:
    """Whether the padding is of zeros or none, which is all that frameworks' own convolutions offer."""
    return spec.padding_mode == "zeros" or spec.padding in ("valid", (0, 0))


def _padding_option(spec: ConvSpec) -> list[str]:
    if spec.padding in ("valid", (0, 0)):
        return []  # the default everywhere
    return [f"padding={_short(spec.padding)}"] if isinstance(spec.padding, tuple) else ['padding="same"']


def _padding(kernel_size: tuple[int, int], spec: ConvSpec) -> tuple[list[str], list[int | str]]:
    """Return lines that compute the padding, if they are needed, and its top, bottom, left and right amounts."""
    if isinstance(spec.padding, tuple):
        rows, columns = spec.padding
        return [], [rows, rows, columns, columns]
    lines: list[str] = []
    amounts: list[int | str] = []
    span = dilated_size(kernel_size, spec.dilation)
    for axis, name in enumerate(("rows", "columns")):
        reach = span[axis] - 1
        stride = spec.stride[axis]
        if stride == 1:
            amounts += [reach // 2, reach - reach // 2]
        else:
            lines.append(f"{name} = max({reach} - (image.shape[{axis}] - 1) % {stride}, 0)  # padding to add in all")
            amounts += [f"{name} // 2", f"{name} - {name} // 2"]
    return lines, amounts


def _numpy_padding(kernel_size: tuple[int, int], spec: ConvSpec) -> list[str]:
    lines, (top, bottom, left, right) = _padding(kernel_size, spec)
    mode = _NUMPY_MODES[spec.padding_mode]
    return [*lines, f"x = np.pad(image, (({top}, {bottom}), ({left}, {right}), (0, 0)){mode})"]


def _numpy_flip(spec: ConvSpec) -> list[str]:
    return ["weights = weights[::-1, ::-1]  # true convolution rotates the kernel by 180°"] if spec.flip else []


def _matrix(weights: np.ndarray) -> str:
    """Return the weights as nested lists, one row a line, with as many digits as identify a float32."""
    rows = ["[" + ", ".join(_number(value) for value in row) + "]" for row in weights]
    return "[" + rows[0] + "]" if len(rows) == 1 else "[\n    " + ",\n    ".join(rows) + ",\n]"


def _number(value: np.float32) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e6 else str(value)


def _short(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def _plus(bias: float) -> str:
    return f" + {bias!r}" if bias > 0 else f" - {-bias!r}" if bias < 0 else ""


def _comment(channels: int) -> str:
    return "  # the same weights for every channel" if channels > 1 else ""
