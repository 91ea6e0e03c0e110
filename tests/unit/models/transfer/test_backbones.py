"""Features: the bundled network's dense layer turns them into its logits; random weights are as drawn."""

from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.images import Photo
from cnn_demo.models import find, frameworks, load
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.transfer.backbones import feature_size, features, random_features


def photos(count: int, side: int = 40) -> list[Photo]:
    chance = np.random.default_rng(0)
    return [Photo(chance.integers(0, 256, (side, 32, 3), np.uint8), f"{n}", f"{n}") for n in range(count)]


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn", device="cpu")


def tiny(end) -> Classifier:
    """A classifier of 8 × 8 pixels: input scaling, a convolution, batch normalization, and an end."""
    keras = frameworks.keras()
    inputs = keras.Input((8, 8, 3))
    scaling = keras.layers.Normalization()
    x = scaling(inputs)
    x = keras.layers.Conv2D(6, 3, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    network = keras.Model(inputs, end(keras.layers, x))
    for layer in network.layers[2:]:
        layer.set_weights([value + 0.5 for value in layer.get_weights()])
    scaling.adapt(np.random.default_rng(1).normal(0.4, 2, (50, 8, 8, 3)).astype(np.float32))
    return Classifier(replace(find("cifar10_cnn"), input_size=(8, 8), labels=("a", "b", "c", "d")), network, "cpu")


def dense(layers, x):
    return layers.Dense(4)(layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x)))


def convolution(layers, x):
    """As the first MobileNet ends, and nearly as the third."""
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Flatten()(layers.Conv2D(4, 1, padding="same")(x))


def test_the_dense_layer_turns_them_into_the_logits(model):
    some = photos(19)
    found = features(model, some, "squash")
    assert found.shape == (19, 128)
    assert found.dtype == np.float32
    assert feature_size(model) == 128
    weights, bias = model.network.get_layer("logits").get_weights()
    seen = np.stack([model.prepare(photo.pixels, "squash") for photo in some])
    np.testing.assert_allclose(found @ weights + bias, model.logits(seen), atol=1e-4)


@pytest.mark.parametrize("end", [dense, convolution])
def test_networks_may_end_in_a_dense_layer_or_a_convolution(end):
    model = tiny(end)
    found = features(model, photos(3))
    assert found.shape == (3, feature_size(model)) == (3, 6)
    weights, bias = [layer for layer in model.network.layers if layer.weights][-1].get_weights()
    seen = np.stack([model.prepare(photo.pixels) for photo in photos(3)])
    np.testing.assert_allclose(found @ weights.reshape(6, 4) + bias, model.logits(seen), rtol=1e-4)


@pytest.mark.parametrize(
    "end",
    [
        lambda layers, x: layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(x)),
        lambda layers, x: layers.Flatten()(layers.Conv2D(4, 3)(layers.AveragePooling2D(2)(x))),
        lambda layers, x: layers.GlobalAveragePooling2D()(layers.BatchNormalization()(layers.Conv2D(4, 1)(x))),
    ],
)
def test_other_ends_are_refused(end):
    with pytest.raises(ValueError, match="does not end in a dense layer"):
        feature_size(tiny(end))


def test_progress_is_reported_after_each_batch_and_can_stop_it(model):
    reported = []
    features(model, photos(35), progress=lambda done, of: reported.append((done, of)))
    assert reported == [(16, 35), (32, 35), (35, 35)]

    def enough(done, of):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        features(model, photos(35), progress=enough)
    assert model.lock.acquire(blocking=False)  # or else later predictions would wait forever
    model.lock.release()
    with pytest.raises(ValueError, match="There are no photos"):
        features(model, [])


def test_random_features_depend_on_the_seed_and_leave_the_model_as_it_is(model):
    some = photos(5)
    before = [value.copy() for value in model.network.get_weights()]
    trained = features(model, some)
    one, again, two = (random_features(model, some, seed=seed) for seed in (1, 1, 2))
    assert one.shape == trained.shape
    assert one.dtype == np.float32
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, two, rtol=0.1)
    assert not np.allclose(one, trained, rtol=0.1)
    np.testing.assert_array_equal(features(model, some), trained)
    for value, old in zip(model.network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_random_weights_use_the_layers_initializers_and_leave_keras_seeds_alone(model):
    """The weights of a single layer are Glorot's, drawn from the seed."""
    keras = frameworks.keras()
    tiny_model = tiny(dense)
    some = photos(16)
    keras.utils.set_random_seed(5)
    found = random_features(tiny_model, some)
    keras.utils.set_random_seed(6)
    np.testing.assert_array_equal(random_features(tiny_model, some), found)

    scaling = tiny_model.network.layers[1].get_weights()
    seed = int(np.random.default_rng(0).integers(2**31))
    kernel = np.asarray(keras.initializers.GlorotUniform(seed=seed)((3, 3, 3, 6)))
    seen = tiny_model.scaled(np.stack([tiny_model.prepare(photo.pixels) for photo in some]))
    seen = (seen - scaling[0]) / np.sqrt(scaling[1])
    windows = np.lib.stride_tricks.sliding_window_view(seen, (3, 3), axis=(1, 2))  # (N, 6, 6, 3, 3, 3)
    maps = np.einsum("nhwcij,ijcf->nhwf", windows, kernel)
    np.testing.assert_allclose(found, maps.mean(axis=(1, 2)) / np.sqrt(1 + 1e-3), atol=1e-5)
