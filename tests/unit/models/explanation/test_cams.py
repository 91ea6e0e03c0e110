"""Class activation maps beside closed forms, and all methods on a network that depends only on one corner."""

import numpy as np
import pytest
from small_networks import (
    CORNER,
    SEEN_BY_CORNER,
    SIDE,
    Double,
    corner_network,
    linear_network,
    nested_network,
    picture,
    pooled_network,
)

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.cams import class_gradients, enlarge, grad_cam, grad_cam_plus_plus, layer_cam
from cnn_demo.models.explanation.explain import METHODS, explain

CAM_KEYS = ("grad_cam", "grad_cam_plus_plus", "layer_cam")


@pytest.fixture(scope="module")
def corner():
    return Double(corner_network())


@pytest.fixture(scope="module")
def pooled():
    return Double(pooled_network())


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_depends_only_on_one_corner(corner, method):
    seen = picture(low=160)  # brighter than grey, or showing the corner would not help the class
    values = explain(corner, seen, 0, method)
    assert values.shape == (SIDE, SIDE)
    assert values.dtype == np.float32
    assert values.min() == 0
    assert values.max() == 1
    reach = SEEN_BY_CORNER + 1 if method == "occlusion" else SEEN_BY_CORNER  # squares of 2 × 2 reach one pixel more
    outside = values.copy()
    outside[:reach, :reach] = 0
    assert outside.max() == pytest.approx(0, abs=1e-4)
    assert values[:CORNER, :CORNER].sum() > 0.6 * values.sum()  # of 6% of the pixels


@pytest.mark.parametrize("method", [key for key in METHODS if key != "integrated_gradients"])
def test_without_evidence_for_a_class_the_map_is_empty(corner, method):
    """The logit of class 1 is always 0; a bright corner even lowers its probability."""
    np.testing.assert_array_equal(explain(corner, picture(low=160), 1, method), 0)


def test_integrated_gradients_of_a_constant_are_empty(corner):
    np.testing.assert_array_equal(explain(corner, picture(), 1, "integrated_gradients"), 0)


def test_grad_cam_averages_gradients_over_positions_and_layer_cam_does_not(corner):
    """Before the cropping the maps are bright everywhere, and the class looks at their corner alone."""
    seen = picture(low=160)
    maps = {method: explain(corner, seen, 0, method, "conv") for method in ("grad_cam", "layer_cam")}
    assert maps["grad_cam"][CORNER:, CORNER:].min() > 0.3
    assert maps["layer_cam"][:CORNER, :CORNER].min() > 0.3
    assert maps["layer_cam"][CORNER:].max() == maps["layer_cam"][:, CORNER:].max() == 0


@pytest.mark.parametrize("label", [0, 1, 2])
def test_grad_cam_is_the_positive_part_of_cam(pooled, label):
    """Zhou et al. (2016): with global average pooling, CAM is the dense layer's weights on the last maps."""
    seen = picture(5)
    maps, gradients = class_gradients(pooled, seen, label)
    kernel, _ = pooled.network.get_layer("logits").get_weights()
    positions = maps.shape[0] * maps.shape[1]
    np.testing.assert_allclose(gradients, np.broadcast_to(kernel[:, label] / positions, maps.shape), atol=1e-6)
    cam = maps @ kernel[:, label]
    assert cam.min() < 0 < cam.max()
    np.testing.assert_allclose(grad_cam(maps, gradients) * positions, np.maximum(cam, 0), atol=1e-4)
    expected = enlarge(np.maximum(cam, 0), (SIDE, SIDE))
    np.testing.assert_allclose(explain(pooled, seen, label, "grad_cam"), expected / expected.max(), atol=1e-5)


def test_the_gradient_is_that_of_the_logit():
    """A network that squares its maps: the derivative of the sum of squares is twice the maps."""
    keras = frameworks.keras()
    x = inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(x)
    y = keras.layers.Flatten()(keras.layers.Multiply(name="square")([x, x]))
    weights = np.stack([np.ones(32), np.full(32, 3)], axis=1).astype(np.float32)
    network = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="logits")(y))
    network.get_layer("logits").set_weights([weights])
    maps, gradients = class_gradients(Double(network), picture(side=6), 1, "conv")
    np.testing.assert_allclose(gradients, 6 * maps, rtol=1e-4, atol=1e-5)


def test_the_three_weightings_by_hand():
    maps = np.zeros((1, 2, 2))
    gradients = np.zeros((1, 2, 2))
    maps[0, :, 0], gradients[0, :, 0] = (1, 3), (2, 0)
    maps[0, :, 1], gradients[0, :, 1] = (4, 2), (-1, 0.5)
    # mean gradients: 1 and −1/4
    np.testing.assert_allclose(grad_cam(maps, gradients), [[1 * 1 - 4 / 4, 3 * 1 - 2 / 4]])
    # α = g² / (2g² + ΣA · g³): 4 / (8 + 4 · 8) = 0.1 and 0.25 / (0.5 + 6 · 0.125) = 0.2; weights 0.1 · 2 and 0.2 · 0.5
    np.testing.assert_allclose(grad_cam_plus_plus(maps, gradients), [[0.2 * 1 + 0.1 * 4, 0.2 * 3 + 0.1 * 2]])
    # each number times its own positive gradient
    np.testing.assert_allclose(layer_cam(maps, gradients), [[2 * 1, 0.5 * 2]])


def test_evidence_against_the_class_is_never_negative():
    maps, gradients = np.ones((2, 2, 3)), -np.ones((2, 2, 3))
    for method in (grad_cam, grad_cam_plus_plus, layer_cam):
        np.testing.assert_array_equal(method(maps, gradients), 0)


def test_grad_cam_plus_plus_stays_finite_where_maps_are_negative():
    maps, gradients = np.full((2, 1, 1), -1.0), np.full((2, 1, 1), 1.0)  # here 2g² + ΣA · g³ is 0
    assert np.isfinite(grad_cam_plus_plus(maps, gradients)).all()


@pytest.mark.parametrize("method", CAM_KEYS)
@pytest.mark.parametrize(
    ("kind", "layer"), [("nested", "base/relu"), ("twice", "outer/base/beside"), ("sequential", None)]
)
def test_a_nested_network_has_the_map_of_the_same_network_flat(method, kind, layer):
    seen = picture(6)
    name = None if layer is None else layer.rpartition("/")[2]
    label = 1
    flat = explain(Double(nested_network("flat")), seen, label, method, name)
    nested = explain(Double(nested_network(kind)), seen, label, method, layer)
    assert flat.std() > 0
    np.testing.assert_allclose(nested, flat, atol=1e-4)


def test_all_classes_share_one_compiled_function():
    """Python code in a layer runs only while a function is made of it: no class may set that off again."""
    if frameworks.keras_backend() != "tensorflow":
        pytest.skip("torch compiles no functions")
    keras = frameworks.keras()
    calls = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x * 2

    x = inputs = keras.Input((8, 8, 3))
    x = Counting()(keras.layers.Conv2D(2, 3, name="conv")(x))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    model = Double(network)
    class_gradients(model, picture(side=8), 0, "conv")
    before = len(calls)
    for label in (1, 2, np.int64(0)):
        class_gradients(model, picture(label, side=8), label, "conv")
    assert len(calls) == before > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"method": "cam"}, "There is no method 'cam': choose one of grad_cam"),
        ({"layer": "nowhere"}, "There is no layer 'nowhere' with a feature map: choose one of first"),
        ({"layer": "logits"}, "There is no layer 'logits' with a feature map"),
        ({"layer": "nowhere", "method": "score_cam"}, "There is no layer 'nowhere' with a feature map"),
        ({"label_index": 3}, "classes 0 to 2, and no class 3"),
        ({"label_index": -1}, "no class -1"),
        ({"seen": picture(side=17)}, "The image must be uint8 of"),
        ({"seen": picture() / 255}, "The image must be uint8 of"),
    ],
)
def test_invalid_arguments_are_refused(pooled, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        explain(**{"model": pooled, "seen": picture(), "label_index": 0, "method": "grad_cam"} | options)


def test_a_network_without_a_convolution_has_no_class_activation_map():
    with pytest.raises(ValueError, match="no convolution"):
        explain(Double(linear_network(np.ones((4, 4, 3)))), picture(side=4), 0, "grad_cam")


def test_every_method_has_a_description():
    for key, method in METHODS.items():
        assert key.islower()
        assert method.title
        assert method.sentence.endswith(".")
        assert method.paper.startswith("https://")
    assert {key for key, method in METHODS.items() if method.needs_layer} == {*CAM_KEYS, "score_cam"}
