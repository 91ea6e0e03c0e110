"""Contrastive maps and channels of two classes, on networks whose answer is known."""

import numpy as np
import pytest
from small_networks import SIDE, Double, nested_network, picture, pooled_network, randomize

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.cams import enlarge
from cnn_demo.models.explanation.contrast import channel_evidence, contrast
from cnn_demo.models.explanation.feature_maps import feature_maps


@pytest.fixture(scope="module")
def pooled():
    return Double(pooled_network())


def dense_weights(model) -> tuple[np.ndarray, np.ndarray]:
    return model.network.layers[-1].get_weights()


def test_maps_are_those_of_the_weights_of_the_last_layer(pooled):
    """After global average pooling Grad-CAM has a closed form, and so have the differences."""
    seen, kernel = picture(3), dense_weights(pooled)[0]
    maps = feature_maps(pooled, seen, "second_relu")

    def shown(weights, signed=False):
        values = enlarge(maps @ weights if signed else np.maximum(maps @ weights, 0), (SIDE, SIDE))
        return values / np.abs(values).max()

    found = contrast(pooled, seen, 0, 2, strength=0.5)
    np.testing.assert_allclose(found.first, shown(kernel[:, 0]), atol=1e-5)
    np.testing.assert_allclose(found.second, shown(kernel[:, 2]), atol=1e-5)
    np.testing.assert_allclose(found.first_only, shown(kernel[:, 0] - 0.5 * kernel[:, 2]), atol=1e-5)
    np.testing.assert_allclose(found.second_only, shown(kernel[:, 2] - 0.5 * kernel[:, 0]), atol=1e-5)
    np.testing.assert_allclose(found.difference, shown(kernel[:, 0] - kernel[:, 2], signed=True), atol=1e-5)


@pytest.mark.parametrize("layer", [None, "first"])
def test_exchanged_classes_reverse_the_difference(pooled, layer):
    seen = picture(4)
    one, other = contrast(pooled, seen, 0, 1, layer=layer), contrast(pooled, seen, 1, 0, layer=layer)
    np.testing.assert_allclose(one.difference, -other.difference, atol=1e-6)
    np.testing.assert_array_equal(one.first_only, other.second_only)
    np.testing.assert_array_equal(one.first, other.second)
    assert np.abs(one.difference).max() == pytest.approx(1)
    alone = contrast(pooled, seen, 0, 1, strength=0, layer=layer)
    np.testing.assert_array_equal(alone.first_only, alone.first)


def test_one_decisive_channel_is_named():
    """Channel 3 alone tells the classes 0 and 1 apart; all other weights are the same for both."""
    model = Double(pooled_network())
    *rest, kernel, bias = model.network.get_weights()
    kernel[:, 1], bias[1] = kernel[:, 0], bias[0]
    kernel[3, 0] += 4
    model.network.set_weights([*rest, kernel, bias])
    seen = picture(5)
    found = channel_evidence(model, seen, 0, 1)
    logits = model.logits(seen[None])[0]
    assert found.strongest(1).tolist() == [3]
    assert found.contributions[3] == pytest.approx(logits[0] - logits[1], abs=1e-4)
    np.testing.assert_allclose(np.delete(found.contributions, 3), 0, atol=1e-5)
    np.testing.assert_allclose(found.maps.mean(axis=(0, 1)), found.features, atol=1e-5)


def preds_by_convolution():
    """As MobileNet does it: the logits are a 1 × 1 convolution of the pooled maps."""
    layers = frameworks.keras().layers
    inputs = frameworks.keras().Input((SIDE, SIDE, 3))
    x = layers.Conv2D(5, 3, activation="relu")(inputs)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Reshape((3,))(layers.Conv2D(3, 1)(layers.Dropout(0.1)(x)))
    return randomize(frameworks.keras().Model(inputs, layers.Activation("linear")(x)))


def preds_by_dense_layers():
    """As VGG does it: the features are the output of another dense layer, and no means of maps."""
    layers = frameworks.keras().layers
    inputs = frameworks.keras().Input((SIDE, SIDE, 3))
    x = layers.Flatten()(layers.Conv2D(2, 3, strides=4)(inputs))
    return randomize(frameworks.keras().Model(inputs, layers.Dense(3)(layers.Dense(4, activation="relu")(x))))


@pytest.mark.parametrize(
    ("build", "has_maps"),
    [
        (pooled_network, True),
        (preds_by_convolution, True),
        (preds_by_dense_layers, False),
        (lambda: nested_network("nested"), True),
        (lambda: nested_network("sequential"), True),
    ],
)
def test_contributions_sum_to_the_difference_of_the_logits(build, has_maps):
    model, seen = Double(build()), picture(6)
    logits = model.logits(seen[None])[0]
    found, reverse = channel_evidence(model, seen, 2, 1), channel_evidence(model, seen, 1, 2)
    assert found.difference == pytest.approx(logits[2] - logits[1], abs=1e-3)
    np.testing.assert_array_equal(found.contributions, -reverse.contributions)
    assert (found.maps is not None) == has_maps


def test_a_network_whose_logits_are_not_linear_has_no_evidence():
    layers = frameworks.keras().layers
    inputs = frameworks.keras().Input((SIDE, SIDE, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    model = Double(frameworks.keras().Model(inputs, layers.Dense(3, activation="relu")(x)))
    assert channel_evidence(model, picture(), 0, 1) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"second": 0}, "Two different classes"),
        ({"second": 3}, "no class 3"),
        ({"strength": 1.1}, "γ goes from 0 to 1"),
        ({"layer": "nowhere"}, "There is no layer 'nowhere'"),
        ({"seen": picture(side=15)}, "The image must be uint8 of"),
    ],
)
def test_invalid_arguments_are_refused(pooled, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        contrast(**{"model": pooled, "seen": picture(), "first": 0, "second": 1} | options)
