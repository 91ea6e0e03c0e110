"""Fine-tuning: where the last block begins, its gradients beside Keras's own, and that no shared network changes."""

from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.images import Photo
from cnn_demo.models import find, frameworks, load
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.transfer import fine_tuning
from cnn_demo.models.transfer.backbones import compiled, features
from cnn_demo.models.transfer.fine_tuning import Tail, cut_layer, fine_tune
from cnn_demo.models.transfer.heads import Head, HeadError
from cnn_demo.models.transfer.linear_head import split, train_head

CLASSES = np.repeat([0, 1], 12)
_, HOLD_OUT = split(CLASSES)


def stripes(number: int) -> Photo:
    """Noise with faint horizontal or vertical stripes."""
    chance = np.random.default_rng(number)
    pixels = chance.integers(0, 256, (32, 32, 3)).astype(float)
    wave = 40 * np.sin(np.arange(32) * 0.9 + chance.uniform(0, 6))
    pixels += wave[:, None, None] if CLASSES[number] else wave[None, :, None]
    return Photo(pixels.clip(0, 255).astype(np.uint8), str(number), str(number))


PHOTOS = [stripes(number) for number in range(24)]


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn", device="cpu")


@pytest.fixture(scope="module")
def run(model):
    *_, run = train_head(features(model, PHOTOS), CLASSES, ("a", "b"), HOLD_OUT, epochs=5, backbone="cifar10_cnn")
    return run


@pytest.fixture(scope="module")
def tuned(model, run):
    """A fine-tuning: the weights before it, all its runs, and the reported progress."""
    before, reported = state(model.network), []
    report = lambda done, of: reported.append((done, of))  # noqa: E731
    runs = list(fine_tune(model, PHOTOS, CLASSES, HOLD_OUT, run.head, epochs=3, rate=1e-3, progress=report))
    return before, runs, reported


def state(network):
    """A copy of a network's weights, and how often each layer is part of a graph."""
    weights = [value.copy() for value in network.get_weights()]
    return weights, [len(layer._inbound_nodes) for layer in network.layers]


def plain(network_of_map, maps=(8, 8, 4)):
    keras = frameworks.keras()
    inputs = keras.Input(maps)
    x = keras.layers.GlobalAveragePooling2D()(network_of_map(keras.layers, inputs))
    return keras.Model(inputs, keras.layers.Dense(3)(x))


def chain(layers, x):
    for number in range(1, 8):
        x = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x)))
    return x


def residual(layers, x):
    for number in range(1, 5):
        y = layers.Conv2D(4, 1)(layers.Conv2D(4, 3, padding="same")(layers.Conv2D(4, 1)(x)))
        x = layers.Add(name=f"add{number}")([x, y])
    return x


def interwoven(layers, x):
    before = x
    for _ in range(6):
        x, before = layers.Add()([layers.Conv2D(4, 1)(x), before]), x
    return layers.Add()([x, before])


def test_the_last_block_starts_after_the_last_common_map(model):
    assert cut_layer(plain(chain)) == "relu4"
    assert cut_layer(plain(residual)) == "add3"
    assert cut_layer(model.network) == "block3_relu"


@pytest.mark.parametrize("network", [interwoven, lambda layers, x: layers.Conv2D(4, 1)(x)])
def test_a_network_without_such_a_map_is_refused(network):
    with pytest.raises(ValueError, match="cannot be trained separately"):
        cut_layer(plain(network))


def test_the_cut_layer_of_published_networks():
    applications = frameworks.keras().applications
    settings = {"weights": None, "input_shape": (32, 32, 3), "classes": 3}
    assert cut_layer(applications.MobileNet(alpha=0.25, **settings)) == "conv_dw_12_relu"
    assert cut_layer(applications.MobileNetV2(alpha=0.35, **settings)) == "block_16_expand_relu"


def test_an_untrained_block_gives_the_networks_features(model):
    _, variables = fine_tuning._block(model.network, "block3_relu")
    assert [tuple(v.shape) for v in variables[:2]] == [(3, 3, 64, 128), (128,)]
    assert len(variables) == 10  # of block 4 three convolutions, of block 5 two, with a bias each
    tail = Tail("block3_relu", tuple(np.array(variable) for variable in variables))
    np.testing.assert_allclose(tail.features(model, PHOTOS), features(model, PHOTOS), atol=1e-5)


def test_gradients_are_those_of_a_network_that_is_trained_as_usual(model, run):
    if frameworks.keras_backend() != "tensorflow":
        pytest.skip("compares with TensorFlow's gradients; test_engines.py compares the backends")
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    targets = np.eye(2, dtype=np.float32)[CLASSES]
    seen = model.scaled(np.stack([photo.pixels for photo in PHOTOS]))
    copy = keras.models.clone_model(model.network)
    copy.set_weights(model.network.get_weights())
    until_features = keras.Model(copy.input, copy.get_layer("pool").output)
    _, variables = fine_tuning._block(model.network, "block3_relu")
    learning = {v.path: v.value for v in copy.weights}
    weights, bias = tf.Variable(run.head.weights), tf.Variable(run.head.bias)
    with tf.GradientTape() as tape:
        ready = (until_features(seen) - run.head.mean) / run.head.scale
        losses = keras.losses.categorical_crossentropy(targets, ready @ weights + bias, from_logits=True)
        loss = tf.reduce_mean(losses) + 0.5 * 0.2 * tf.reduce_sum(weights**2)
    expected = tape.gradient(loss, [*(learning[v.path] for v in variables), weights, bias])

    maps = compiled(model, "block3_relu")(seen)
    gradients = fine_tuning._gradients(model, "block3_relu", run.head, 0.2, maps.shape[1:])
    found = gradients([*(np.array(v) for v in variables), run.head.weights, run.head.bias], maps, targets)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-3)
        assert np.abs(one).max() > 1e-3


def test_fine_tuning_reaches_a_lower_loss_than_the_head_alone(run, tuned):
    _, runs, _ = tuned
    assert [len(each.epochs) for each in runs] == [1, 2, 3]
    assert runs[-1].epochs[:2] == runs[1].epochs
    assert runs[-1].epochs[-1].loss < 0.7 * run.epochs[-1].loss


def test_the_shared_network_does_not_change_by_a_bit(model, tuned):
    before, _, _ = tuned
    after = state(model.network)
    for value, old in zip(after[0], before[0], strict=True):
        np.testing.assert_array_equal(value, old)
    assert after[1] == before[1]  # nor did its graph grow


def test_head_and_tail_reproduce_the_measured_probabilities(model, tuned):
    _, runs, reported = tuned
    assert reported == [(16, 24), (24, 24)]
    held_out = [PHOTOS[number] for number in HOLD_OUT]
    found = runs[-1].head.probabilities(runs[-1].tail.features(model, held_out))
    np.testing.assert_allclose(found, runs[-1].probabilities, atol=1e-5)
    plain_features = features(model, held_out)
    assert not np.allclose(runs[-1].tail.features(model, held_out), plain_features, atol=1e-3)
    assert not np.array_equal(runs[0].tail.values[0], runs[1].tail.values[0])  # each run has a copy of its own
    assert runs[-1].head.backbone == "cifar10_cnn"


def test_the_same_seed_gives_the_same_and_held_out_photos_teach_nothing(model, run, tuned):
    _, runs, _ = tuned
    classes = CLASSES.copy()
    classes[HOLD_OUT] = 1 - classes[HOLD_OUT]
    photos = [PHOTOS[0] if number in HOLD_OUT else photo for number, photo in enumerate(PHOTOS)]
    again = next(fine_tune(model, photos, classes, HOLD_OUT, run.head, epochs=3, rate=1e-3))
    for one, other in zip(again.tail.values, runs[0].tail.values, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(again.head.weights, runs[0].head.weights, atol=1e-5)
    other_order = next(fine_tune(model, PHOTOS, CLASSES, HOLD_OUT, run.head, epochs=3, rate=1e-3, seed=1))
    assert np.abs(other_order.tail.values[0] - runs[0].tail.values[0]).max() > 1e-4


def test_arguments_that_do_not_match_are_refused(model, run):
    head = Head(*(getattr(run.head, each) for each in ("weights", "bias", "mean", "scale")), ("a", "b"), "vgg16")
    with pytest.raises(HeadError, match="trained on VGG16"):
        next(fine_tune(model, PHOTOS, CLASSES, HOLD_OUT, head))
    with pytest.raises(ValueError, match="23 photos need as many"):
        next(fine_tune(model, PHOTOS[1:], CLASSES, HOLD_OUT, run.head))


def test_normalizations_are_frozen():
    network = plain(chain, (32, 32, 3))
    model = Classifier(replace(find("cifar10_cnn"), labels=("x", "y", "z")), network, "cpu")
    *_, run = train_head(features(model, PHOTOS), CLASSES, ("a", "b"), HOLD_OUT, epochs=2, backbone="cifar10_cnn")
    tuned = next(fine_tune(model, PHOTOS, CLASSES, HOLD_OUT, run.head, epochs=1))
    assert [value.shape for value in tuned.tail.values] == [(3, 3, 4, 4), (4,)] * 3
