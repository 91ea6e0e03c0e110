"""Channels switched off: the rest of a cut network against the whole one, and networks whose answer is known."""

import numpy as np
import pytest
from small_networks import SIDE, Double, nested_network, picture, pooled_network, randomize

from cnn_demo.models import frameworks
from cnn_demo.models.calibration import softmax
from cnn_demo.models.explanation.channel_ablation import (
    batch_size,
    cut_network,
    estimated_losses,
    log_odds,
    measured_losses,
    scaled_logits,
)
from cnn_demo.models.explanation.channel_layers import channel_layers, check_channel_layer
from cnn_demo.models.explanation.feature_maps import feature_maps


def residual_network():
    """Two blocks with connections around them, one of which begins at the photo, and a gate as in MobileNetV3."""
    keras = frameworks.keras()
    layers = keras.layers
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    y = layers.ReLU(name="relu")(layers.Conv2D(4, 3, padding="same", name="inside")(x))
    x = layers.Add(name="add")([x, y])
    gate = layers.Conv2D(4, 1, activation="sigmoid", name="gate")(
        layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    )
    x = layers.Multiply(name="gated")([x, gate])
    x = layers.Concatenate(name="with_photo")([x, inputs])
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(5, 3, activation="relu", name="last")(x))
    return randomize(keras.Model(inputs, layers.Dense(3, name="logits")(x)), 4)


def changed_logits(model, seen, layer: str, scales: np.ndarray) -> np.ndarray:
    """The logits of a whole new network in which a layer's output is multiplied."""
    keras = frameworks.keras()

    def call(each, *args, **kwargs):
        output = each(*args, **kwargs)
        return output * scales.astype(np.float32) if each.name == layer else output

    whole = keras.models.clone_model(model.network, clone_function=lambda each: each, call_function=call)
    return keras.ops.convert_to_numpy(whole(model.scaled(seen[None]), training=False))[0]


@pytest.mark.parametrize("layer", channel_layers(residual_network()))
def test_the_rest_equals_the_whole_network_with_the_layer_multiplied(layer):
    model, seen = Double(residual_network()), picture(7)
    cut = cut_network(model, seen, layer)
    scales = np.random.default_rng(0).uniform(0, 2, (3, cut.channels)).astype(np.float32)
    found = scaled_logits(model, cut, scales)
    for row, expected in zip(scales, found, strict=True):
        np.testing.assert_allclose(changed_logits(model, seen, layer, row), expected, atol=1e-4)
    assert np.abs(found - cut.logits).max() > 1e-3  # they do change


def test_all_layers_of_a_residual_network_can_be_cut():
    names = ("stem", "inside", "relu", "add", "squeeze", "gate", "gated", "with_photo", "last", "pool")
    assert channel_layers(residual_network()) == names


@pytest.mark.parametrize("layer", ["first", "second_relu", "pool"])
def test_a_scale_of_1_changes_nothing(layer):
    model, seen = Double(pooled_network()), picture(2)
    cut = cut_network(model, seen, layer)
    np.testing.assert_array_equal(scaled_logits(model, cut, np.ones((1, cut.channels)))[0], cut.logits)
    np.testing.assert_allclose(cut.logits, model.logits(seen[None])[0], atol=1e-5)


def test_with_all_channels_off_the_biases_remain():
    model, seen = Double(pooled_network()), picture(2)
    *_, bias = model.network.get_weights()
    for layer in ("second_relu", "pool"):
        cut = cut_network(model, seen, layer)
        np.testing.assert_allclose(scaled_logits(model, cut, np.zeros((1, 6)))[0], bias, atol=1e-6)


def test_one_decisive_channel_is_named():
    """One channel alone raises class 0; all other weights are the same for all classes."""
    model, seen = Double(pooled_network()), picture(5)
    decisive = int(feature_maps(model, seen, "second_relu").mean(axis=(0, 1)).argmax())
    *rest, kernel, bias = model.network.get_weights()
    kernel[:], bias[:] = kernel[:, [1]], 0
    kernel[decisive, 0] += 1 / feature_maps(model, seen, "second_relu").mean(axis=(0, 1))[decisive]  # logit + 1
    model.network.set_weights([*rest, kernel, bias])
    cut = cut_network(model, seen, "second_relu")
    (measured,) = measured_losses(model, cut, 0)
    estimated = estimated_losses(model, seen, "second_relu", 0)
    for losses in (measured, estimated):
        assert losses.order()[0] == decisive
        np.testing.assert_allclose(np.delete(losses.values, decisive), 0, atol=1e-5)
        assert losses.values[decisive] == pytest.approx(1, abs=1e-4)  # of log-odds, which are linear in it
    without = scaled_logits(model, cut, np.ones((1, 6)) - np.eye(6)[[decisive]])
    before, after = softmax(cut.logits, 1.0)[0], softmax(without[0], 1.0)[0]
    assert measured.points[decisive] == pytest.approx(before - after, abs=1e-6)
    assert estimated.points[decisive] == pytest.approx(before - after, abs=1e-4)


def test_the_estimate_is_the_slope_of_the_measurement():
    model, seen = Double(residual_network()), picture(8)
    estimated = estimated_losses(model, seen, "gated", 1)
    cut = cut_network(model, seen, "gated")
    step = 1e-2
    moved = log_odds(scaled_logits(model, cut, 1 - step * np.eye(4)), 1)
    slopes = (log_odds(cut.logits[None], 1)[0] - moved) / step
    np.testing.assert_allclose(estimated.values, slopes, atol=0.05 * np.abs(slopes).max())


def test_the_ranking_reports_after_each_batch_in_the_order_asked_for(monkeypatch):
    model, seen = Double(pooled_network()), picture(3)
    cut = cut_network(model, seen, "second")
    assert batch_size(cut) == 32
    monkeypatch.setattr("cnn_demo.models.explanation.channel_ablation.BATCH", 4)
    order = np.array([5, 0, 3, 1, 4, 2])
    first, last = measured_losses(model, cut, 2, order)
    assert (first.done, last.done) == (4, 6)
    assert np.isnan(first.values[[4, 2]]).all()
    np.testing.assert_array_equal(first.values[order[:4]], last.values[order[:4]])
    assert first.order().tolist() == [k for k in last.order().tolist() if k not in (4, 2)]
    (at_once,) = list(measured_losses(model, cut, 2))[1:]
    np.testing.assert_allclose(at_once.values, last.values, atol=1e-5)


def test_log_odds_near_0_and_1_keep_their_digits():
    logits = np.array([[60, -10, 0], [0, 60, 0], [1, 1, 1]], np.float32)
    expected = [60 - np.log1p(np.exp(-10.0)), -60 - np.log1p(np.exp(-60.0)), -np.log(2)]
    np.testing.assert_allclose(log_odds(logits, 0), expected, rtol=1e-12)
    np.testing.assert_allclose(log_odds(logits, 0, temperature=2)[1], -30 - np.log1p(np.exp(-30.0)))


@pytest.mark.parametrize("kind", ["nested", "twice", "sequential"])
def test_layers_within_nested_networks_are_cut_as_in_the_flat_one(kind):
    flat, nested = Double(nested_network("flat")), Double(nested_network(kind))
    seen, prefix = picture(3), {"twice": "outer/base/"}.get(kind, "base/")
    for layer in ("conv", "beside", "add"):
        one, other = cut_network(flat, seen, layer), cut_network(nested, seen, prefix + layer)
        scales = np.linspace(0, 2, one.channels)[None]
        np.testing.assert_allclose(
            scaled_logits(nested, other, scales), scaled_logits(flat, one, scales), atol=1e-4, err_msg=layer
        )


def flattening_network():
    layers = frameworks.keras().layers
    inputs = frameworks.keras().Input((SIDE, SIDE, 3), name="image")
    x = layers.Flatten(name="flatten")(layers.Conv2D(2, 3, strides=4, name="conv")(inputs))
    x = layers.Dense(3, name="preds")(layers.Dense(4, activation="relu", name="hidden")(x))
    return randomize(frameworks.keras().Model(inputs, layers.Activation("linear", name="same")(x)))


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("image", "“image” is the photo itself. Choose a later layer"),
        ("flatten", "“flatten” has no channels: a Flatten layer gives its values in one row. Choose the layer before"),
        ("preds", "“preds” gives the logits, one for each class: no layer after it can respond."),
        ("same", "“same” gives the logits"),
        ("nowhere", "There is no layer “nowhere” with channels: choose one of conv, hidden."),
    ],
)
def test_other_layers_are_refused_with_the_reason(layer, sentence):
    network = flattening_network()
    assert channel_layers(network) == ("conv", "hidden")
    with pytest.raises(ValueError, match=sentence):
        check_channel_layer(network, layer)
    with pytest.raises(ValueError, match=sentence):
        cut_network(Double(network), picture(), layer)


@pytest.mark.parametrize(
    ("scales", "sentence"),
    [
        (np.ones((1, 5)), "This layer has 6 channels: 5 factors do not fit"),
        (np.full((1, 6), 2.1), r"A channel can be multiplied by 0 \(off\) to 2"),
        (np.full((1, 6), np.nan), "A channel can be multiplied"),
    ],
)
def test_invalid_factors_are_refused(scales, sentence):
    model = Double(pooled_network())
    with pytest.raises(ValueError, match=sentence):
        scaled_logits(model, cut_network(model, picture(), "second"), scales)
