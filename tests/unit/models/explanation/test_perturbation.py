"""Occlusion and Score-CAM compared with a computation by hand, one picture at a time."""

import numpy as np
import pytest
from small_networks import Double, corner_network, linear_network, nested_network, picture, pooled_network

from cnn_demo.models.explanation.explain import explain
from cnn_demo.models.explanation.feature_maps import feature_maps, strongest_first
from cnn_demo.models.explanation.perturbation import occlusion, score_cam


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.fixture(scope="module")
def pooled():
    return Double(pooled_network())


def one_pixel() -> tuple[Double, np.ndarray, float]:
    """A network that looks at the red of the pixel (5, 2) alone, a picture, and the network's logit for it."""
    weights = np.zeros((8, 8, 3))
    weights[5, 2, 0] = 3
    seen = picture(1, side=8)
    seen[5, 2, 0] = 220
    return Double(linear_network(weights)), seen, 3 * (220 / 127.5 - 1)


def test_occlusion_equals_the_drop_of_the_covered_pixel():
    model, seen, logit = one_pixel()
    grey = 3 * (128 / 127.5 - 1)
    expected = np.zeros((8, 8))
    expected[4:6, 2:4] = sigmoid(logit) - sigmoid(grey)
    np.testing.assert_allclose(occlusion(model, seen, 0, patch=2, stride=2), expected, atol=1e-6)
    np.testing.assert_allclose(occlusion(model, seen, 1, patch=2, stride=2), -expected, atol=1e-6)


def test_occlusion_averages_over_the_squares_that_covered_a_pixel():
    model, seen, logit = one_pixel()
    lost = sigmoid(logit) - sigmoid(3 * (128 / 127.5 - 1))
    starts = [0, 2, 4, 5]  # at stride 2 a square of 3 does not reach the edge of 8: the last one is put there
    total, times = np.zeros((8, 8)), np.zeros((8, 8))
    for row in starts:
        for column in starts:
            square = np.s_[row : row + 3, column : column + 3]
            times[square] += 1
            total[square] += lost * (row <= 5 < row + 3 and column <= 2 < column + 3)
    np.testing.assert_allclose(occlusion(model, seen, 0, patch=3, stride=2), total / times, atol=1e-6)


def test_score_cam_weights_are_the_gains_of_the_masks(pooled):
    seen, label = picture(2), 2
    maps = feature_maps(pooled, seen, "first")
    grey = np.full_like(seen, 128)
    weights = []
    for channel in range(4):  # these maps are as large as the picture: nothing is enlarged
        mask = maps[:, :, channel]
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        masked = np.round(128 + (seen.astype(np.float32) - 128) * mask[:, :, None]).astype(np.uint8)
        shown, empty = pooled.probabilities(pooled.logits(np.stack([masked, grey])))[:, label]
        weights.append(shown - empty)
    expected = np.maximum(sum(weight * maps[:, :, channel] for channel, weight in enumerate(weights)), 0)
    assert expected.max() > 0
    np.testing.assert_allclose(score_cam(pooled, seen, label, "first"), expected, atol=1e-5)


def test_score_cam_uses_the_strongest_channels_only(pooled):
    seen, reported = picture(2), []
    maps = feature_maps(pooled, seen, "second_relu")
    best = maps[:, :, strongest_first(maps)[0]]
    labels = [label for label in range(3) if score_cam(pooled, seen, label, channels=1).max() > 0]
    assert labels
    found = score_cam(pooled, seen, labels[0], channels=1, progress=reported.append)
    np.testing.assert_allclose(found / found.max(), best / best.max(), atol=1e-5)
    assert reported == [1]  # two pictures are one batch


def test_score_cam_of_a_nested_network_is_that_of_the_same_network_flat():
    seen = picture(3)
    flat, nested = (
        explain(Double(nested_network(kind)), seen, 1, "score_cam", layer)
        for kind, layer in (("flat", "conv"), ("nested", "base/conv"))
    )
    assert flat.max() == 1
    np.testing.assert_allclose(nested, flat, atol=1e-3)


def test_a_constant_map_gets_no_weight():
    """Its mask is empty, the picture behind it all grey, and its weight 0, although the map itself is 1."""
    model = Double(corner_network())
    kernel, bias, *rest = model.network.get_weights()
    model.network.set_weights([np.zeros_like(kernel), np.ones_like(bias), *rest])
    np.testing.assert_array_equal(feature_maps(model, picture(), "conv"), 1)
    np.testing.assert_array_equal(score_cam(model, picture(), 0, "conv"), 0)


@pytest.mark.parametrize(
    ("function", "options", "sentence"),
    [
        (score_cam, {"channels": 0}, "At least one channel"),
        (score_cam, {"layer": "nowhere"}, "There is no layer 'nowhere'"),
        (score_cam, {"label_index": 3}, "no class 3"),
        (occlusion, {"patch": 17}, "A square of 17 at stride 8 does not fit"),
        (occlusion, {"patch": 0}, "A square of 0"),
        (occlusion, {"stride": 0}, "at stride 0"),
        (occlusion, {"seen": picture(side=15)}, "The image must be uint8 of"),
        (occlusion, {"label_index": 9}, "no class 9"),
    ],
)
def test_invalid_arguments_are_refused(pooled, function, options, sentence):
    basics = {"model": pooled, "seen": picture(), "label_index": 0}
    with pytest.raises(ValueError, match=sentence):
        function(**basics | options)
