import warnings

import numpy as np
import pytest
import torch

from cnn_demo.convolution import ACTIVATIONS, activate


@pytest.mark.parametrize("name", ["abs", "relu", "sigmoid", "tanh"])
def test_agrees_with_torch_activations(name):
    values = np.array([[-1e4, -90, -3.5, -0.0], [0.0, 1e-3, 2.5, 1e4]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = activate(values, name)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, getattr(torch, name)(torch.from_numpy(values)).numpy(), atol=1e-6)


def test_none_leaves_values_as_they_are():
    np.testing.assert_array_equal(activate([[-1, 2]], "none"), np.array([[-1, 2]], np.float32))


def test_every_activation_has_a_description():
    assert set(ACTIVATIONS) == {"none", "abs", "relu", "sigmoid", "tanh"}
    assert all(a.name == name and a.sentence.endswith(".") for name, a in ACTIVATIONS.items())


def test_an_unknown_activation_lists_the_choices():
    with pytest.raises(ValueError, match="choose one of none, abs, relu"):
        activate(np.zeros(3), "swish")
