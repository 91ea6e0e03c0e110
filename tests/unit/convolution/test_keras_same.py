"""Padding "same" with a stride is TensorFlow's and Keras's rule, so they are the reference."""

import itertools
import os
import subprocess
import sys

import numpy as np

from cnn_demo.convolution import ConvSpec, convolve

RUNNER = """
import sys
import numpy as np
import keras
given = np.load(sys.argv[1])
results = {}
for name in given.files:
    if not name.startswith("w"):
        continue
    _, stride, height, width = name.split("_")
    image = given["image"][None, : int(height), : int(width)]
    results[name] = keras.ops.conv(image, given[name], strides=int(stride), padding="same")[0]
np.savez(sys.argv[2], **results)
"""


def test_strided_same_is_keras_same(tmp_path):
    draw = np.random.default_rng(2)
    image = draw.random((16, 17, 3), dtype=np.float32)
    cases = {}
    for (kh, kw), stride, height, width in itertools.product(
        ((1, 1), (2, 2), (3, 3), (4, 3), (1, 5), (7, 7)), (1, 2, 3, 4), (15, 16), (13, 17)
    ):
        weights = draw.standard_normal((kh, kw, 3, 2)).astype(np.float32)
        cases[f"w{kh}x{kw}_{stride}_{height}_{width}"] = weights
    given, results = str(tmp_path / "given.npz"), str(tmp_path / "results.npz")
    np.savez(given, image=image, **cases)
    quiet = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run([sys.executable, "-c", RUNNER, given, results], capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(results)
    assert set(found.files) == set(cases)
    for name, weights in cases.items():
        _, stride, height, width = name.split("_")
        ours = convolve(image[: int(height), : int(width)], weights, ConvSpec(int(stride)))
        np.testing.assert_allclose(ours, found[name], atol=1e-4, err_msg=name)
