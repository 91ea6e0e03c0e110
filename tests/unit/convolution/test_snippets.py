"""Runs the snippets for real. Keras has a process of its own: TensorFlow must not come before torchvision's triton."""

import itertools
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from cnn_demo.convolution import ConvSpec, activate, convolve, kernel, output_size, snippet

DRAW = np.random.default_rng(11)
IMAGE = DRAW.random((17, 20, 3), dtype=np.float32)
STRIDES = (1, 2, 3, (2, 1))
DILATIONS = (1, 2, (1, 2))
PADDINGS = ("same", "valid", 0, 2, (1, 2))
MODES = ("zeros", "reflect", "replicate", "circular")
KERNELS = tuple(DRAW.standard_normal(shape).astype(np.float32) for shape in ((3, 3), (4, 2), (1, 5), (1, 1)))
ACTIVATIONS = ("none", "abs", "relu", "sigmoid", "tanh")


def cases():
    """Every stride, dilation, padding and mode; kernels, flips, biases, activations and channels take turns."""
    combinations = itertools.product(STRIDES, DILATIONS, PADDINGS, MODES)
    for i, (stride, dilation, padding, mode) in enumerate(combinations):
        spec = ConvSpec(stride, padding, mode, dilation, flip=i % 3 == 0)
        yield KERNELS[i % 4], spec, (0.0, 0.25, -0.5)[i % 3], ACTIVATIONS[i % 5], (3, 3, 1)[i % 7 % 3]
    for name in ("sobel", "gaussian", "gabor"):
        yield kernel(name), ConvSpec(stride=2, padding_mode="reflect"), 0.0, "abs", 3


CASES = list(cases())


def source(framework, case):
    weights, spec, bias, activation, channels = case
    return snippet(framework, weights, spec, bias, activation=activation, channels=channels)


def assert_same(result, case):
    weights, spec, bias, activation, channels = case
    expected = activate(convolve(IMAGE[..., :channels], weights, spec, bias), activation)
    assert result.shape == (*output_size((17, 20), weights.shape, spec), channels)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-4, err_msg=str(case[1:]))


@pytest.mark.parametrize("framework", ["pytorch", "numpy"])
def test_reproduces_our_pixels(framework):
    for case in CASES:
        names = {"image": IMAGE[..., : case[-1]].copy()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns that an even kernel's "same" costs a copy
            exec(source(framework, case), names)
        assert_same(names["result"], case)


RUNNER = """
import json, sys
import numpy as np
import keras
image = np.load(sys.argv[1])
sources = json.load(open(sys.argv[2], encoding="utf-8"))
results = []
for source, channels in sources:
    names = {"image": image[..., :channels].copy()}
    exec(source, names)
    results.append(names["result"])
np.savez(sys.argv[3], *results)
"""


def test_keras_reproduces_our_pixels(tmp_path):
    np.save(tmp_path / "image.npy", IMAGE)
    sources = [(source("keras", case), case[-1]) for case in CASES]
    (tmp_path / "sources.json").write_text(json.dumps(sources), encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("image.npy", "sources.json", "results.npz")]
    quiet = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", RUNNER, *paths], capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr[-2000:]
    results = np.load(paths[2])
    assert len(results.files) == len(CASES)
    for case, name in zip(CASES, results.files, strict=True):
        assert_same(results[name], case)


def test_large_weights_tiny_weights_and_whole_numbers_are_written_exactly():
    weights = np.array([[1e-9, 1 / 3, -2], [0.0, 3e8, -0.0]], np.float32)
    text = snippet("numpy", weights, ConvSpec(padding="valid"))
    names = {"image": np.ones((4, 4, 1), np.float32)}
    exec(text, names)
    np.testing.assert_array_equal(names["weights"], weights)
    assert "-2]" in text
    assert "[0, 3e+08, 0]" in text


@pytest.mark.parametrize("framework", ["pytorch", "keras", "numpy"])
def test_stays_short_and_readable(framework):
    for case in CASES:
        text = source(framework, case)
        assert text.count("\n") <= 20 + len(case[0])
        assert max(len(line) for line in text.splitlines() if not line.startswith("    [")) <= 120
        assert "def " not in text


def test_the_plain_case_uses_the_plain_idiom():
    same = ConvSpec(stride=1)
    assert 'F.conv2d(x, kernel, groups=3, padding="same")' in snippet("pytorch", KERNELS[0], same)
    assert 'depthwise_conv(image[None], kernel, padding="same", strides=2)' in snippet("keras", KERNELS[0], ConvSpec(2))
    assert "pad(" not in snippet("pytorch", KERNELS[0], same) + snippet("keras", KERNELS[0], same)
    assert "padding=2)" in snippet("pytorch", KERNELS[0], ConvSpec(padding=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jax", KERNELS[0], ConvSpec()), "choose one of pytorch, keras, numpy"),
        (("numpy", np.zeros((3, 3, 3)), ConvSpec()), "finite weights"),
        (("numpy", np.full((3, 3), np.nan), ConvSpec()), "finite weights"),
    ],
)
def test_refuses_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        snippet(*arguments)


def test_refuses_an_unknown_activation():
    with pytest.raises(ValueError, match="choose one of none, abs"):
        snippet("numpy", KERNELS[0], ConvSpec(), activation="gelu")
