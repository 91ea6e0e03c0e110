"""Deep feature factorization of maps whose parts are known."""

import itertools

import numpy as np
import pytest
from small_networks import Double, picture, pooled_network

from cnn_demo.images import sample_photos
from cnn_demo.models import load_classifier
from cnn_demo.models.explanation.feature_maps import convolutional_layers, feature_maps, rectified_layers
from cnn_demo.models.explanation.parts import MOST, factorize, part_evidence


def planted():
    """Channels 0 to 2 fire in the left block of 3 × 8, channels 3 and 4 more strongly in the right one of 5 × 8."""
    maps = np.zeros((8, 8, 6), np.float32)
    maps[:, :3, :3] = (1, 2, 3)
    maps[:, 3:, 3:5] = (8, 4)
    return maps


def test_two_planted_blocks_are_the_two_parts():
    found = factorize(planted(), 2)
    assert found.explained == pytest.approx(1, abs=1e-6)
    right, left = found.maps[..., 0], found.maps[..., 1]  # the larger share first
    np.testing.assert_allclose(right[:, 3:], 12, rtol=1e-3)
    np.testing.assert_allclose(left[:, :3], 6, rtol=1e-3)
    np.testing.assert_allclose(right[:, :3], 0, atol=1e-3)
    np.testing.assert_allclose(left[:, 3:], 0, atol=1e-3)
    np.testing.assert_allclose(found.features, [[0, 0, 0, 2 / 3, 1 / 3, 0], [1 / 6, 1 / 3, 1 / 2, 0, 0, 0]], atol=1e-3)
    np.testing.assert_allclose(found.fractions, [480 / 624, 144 / 624], atol=1e-3)


def test_large_maps_are_fitted_at_some_positions_and_known_at_all():
    large = np.repeat(np.repeat(planted(), 8, axis=0), 8, axis=1)
    found, small = factorize(large, 2), factorize(planted(), 2)
    assert found.maps.shape == (64, 64, 2)
    assert found.explained == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(found.maps[::8, ::8], small.maps, atol=1e-2)
    np.testing.assert_allclose(found.features, small.features, atol=1e-3)


def test_more_parts_reconstruct_more_and_always_the_same():
    maps = np.maximum(np.random.default_rng(3).normal(0, 1, (10, 10, 24)), 0).astype(np.float32)
    found = [factorize(maps, count) for count in range(1, MOST + 1)]
    explained = [parts.explained for parts in found]
    assert all(one < more for one, more in itertools.pairwise(explained))
    for count, parts in enumerate(found, 1):
        assert parts.count == count
        assert parts.maps.min() >= 0 <= parts.features.min()
        assert parts.fractions.sum() == pytest.approx(1)
        assert (np.diff(parts.fractions) <= 0).all()
        error = np.square(maps - parts.maps @ parts.features).sum() / np.square(maps).sum()
        assert parts.explained == pytest.approx(1 - error, abs=1e-4)
    np.testing.assert_array_equal(factorize(maps, 5).maps, found[4].maps)


def test_extreme_maps_have_parts_too():
    assert factorize(planted()[:1, :2], 5).count == 2
    empty = factorize(np.zeros((4, 4, 3), np.float32), 3)
    assert empty.fractions.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(factorize(planted() - 100 * (planted() == 0), 2).maps, factorize(planted(), 2).maps)
    for count in (0, 9):
        with pytest.raises(ValueError, match="from 1 to 8"):
            factorize(planted(), count)


def test_parts_of_the_last_maps_sum_to_the_logits():
    model, seen = Double(pooled_network()), picture(4)
    maps = feature_maps(model, seen, "second_relu")
    parts = factorize(maps, 6)  # as many as channels: all of the maps
    found = part_evidence(model, seen, "second_relu", maps, parts)
    kernel, bias = model.network.layers[-1].get_weights()
    rest = (maps - parts.maps @ parts.features).mean(axis=(0, 1)) @ kernel
    assert found.exact
    np.testing.assert_allclose(found.values.sum(axis=0) + rest + bias, model.logits(seen[None])[0], atol=1e-3)
    np.testing.assert_allclose(found.relative.sum(axis=1), 0, atol=1e-4)


def test_a_part_supports_the_class_of_its_channels():
    """Class 1 takes the channels of the right half only, class 2 those of the left."""
    model, seen = Double(pooled_network()), picture(4)
    maps = np.zeros((8, 8, 6), np.float32)
    maps[:, :3, :3], maps[:, 3:, 3:] = 2, 5
    kernel = np.zeros((6, 3), np.float32)
    kernel[3:, 1], kernel[:3, 2], kernel[:, 0] = 1, 1, -1
    *rest, _, bias = model.network.get_weights()
    model.network.set_weights([*rest, kernel, bias])
    model.logits = lambda batch: (maps.mean(axis=(0, 1)) @ kernel + bias)[np.newaxis]
    found = part_evidence(model, seen, "second_relu", maps, factorize(maps, 2))
    assert found.favourites.tolist() == [1, 2]
    np.testing.assert_allclose(found.of_class(1) > 0, [True, False])


def test_parts_of_an_earlier_layer_are_weighed_by_the_gradient():
    """Behind the ReLU the network is linear as long as no activation changes its sign: nearly all is explained."""
    model, seen = Double(pooled_network()), picture(4)
    maps = feature_maps(model, seen, "first")
    parts = factorize(maps, 4)
    found = part_evidence(model, seen, "first", maps, parts)
    assert not found.exact
    assert set(found.classes.tolist()) == {0, 1, 2}
    assert found.values.shape == (4, 3)
    logits = model.logits(seen[None])[0]
    # The network has no bias in between that matters to differences: the ranking of the classes is kept.
    assert found.classes[found.values.sum(axis=0).argmax()] == logits.argmax()


def test_rectified_layers_of_the_networks():
    lite = load_classifier("efficientnet_lite0")
    names = rectified_layers(lite.network)
    assert names[-1] == convolutional_layers(lite.network)[-1]
    assert not [name for name in names if "project" in name]
    seen = lite.prepare(sample_photos()[0].load().pixels)
    for name in (names[0], names[len(names) // 2], names[-1]):
        assert feature_maps(lite, seen, name).min() >= 0
    assert rectified_layers(pooled_network()) == ("first", "second_relu")


def test_lite_tells_parts_of_the_cat_apart():
    model = load_classifier("efficientnet_lite0")
    seen = model.prepare(sample_photos()[0].load().pixels)
    layer = rectified_layers(model.network)[-1]
    maps = feature_maps(model, seen, layer)
    explained = [factorize(maps, count).explained for count in (2, 4, 8)]
    assert explained == sorted(explained)
    found = part_evidence(model, seen, layer, maps, factorize(maps, 4))
    assert found.exact
    assert found.values.shape == (4, 1000)
