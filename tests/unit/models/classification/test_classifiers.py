"""The classifier's adapter: its input and predictions, and concurrent visitors."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.images.resizing import resized
from cnn_demo.models import frameworks, load
from cnn_demo.models.calibration import softmax
from cnn_demo.models.classification import classifiers
from cnn_demo.models.classification.classifiers import FITS, network_input
from cnn_demo.models.classification.layers import network_layers
from cnn_demo.models.engines import input_gradient
from cnn_demo.results import Classification


@pytest.fixture(scope="module")
def model():
    return load("cifar10_cnn")


@pytest.fixture(scope="module")
def cat():
    return sample_photos()[0].load().pixels


def test_probabilities_are_calibrated(model, cat):
    prediction = model.predict(cat)
    assert isinstance(prediction, Classification)
    assert prediction.labels == model.spec.labels
    assert prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert prediction.device in ("cpu", "cuda")
    assert 0 < prediction.milliseconds < 60_000
    top = prediction.top(3)
    assert len(top) == 3
    assert [p for _, p in top] == sorted((p for _, p in top), reverse=True)
    assert len(prediction.top(99)) == 10
    assert prediction.top(0) == []


def test_the_cat_is_a_cat(model, cat):
    assert model.predict(cat).top(1)[0][0] == "cat"


def test_it_is_the_keras_network_at_its_temperature(model, cat):
    keras = frameworks.keras()
    ready = network_input(model.prepare(cat)[None])
    logits = keras.ops.convert_to_numpy(model.network(ready))
    np.testing.assert_allclose(model.predict(cat).probabilities, softmax(logits[0], model.temperature), atol=1e-5)
    np.testing.assert_allclose(model.logits(model.prepare(cat)[None]), logits, atol=1e-4)


def test_activations_are_compiled_before_they_are_timed(model, monkeypatch):
    runs = []
    monkeypatch.setattr(classifiers, "forward", lambda *_, **__: lambda batch: runs.append(batch) or np.zeros((1, 10)))
    fresh = type(model)(model.spec, model.network, model.device, model.temperature)
    assert len(runs) == 1
    assert fresh._everything
    assert len(runs) == 2


def test_activations_are_those_of_every_keras_layer(model, cat):
    run = model.activations(cat)
    keras = frameworks.keras()
    assert list(run.maps) == [layer.name for layer in model.network.layers]
    assert run.seen.shape == (32, 32, 3)
    assert run.seen.dtype == np.uint8
    np.testing.assert_allclose(run.maps["image"], network_input(run.seen), atol=1e-6)
    for name in ("stem", "block2_add", "block5_relu", "pool", "logits"):
        single = keras.Model(model.network.input, model.network.get_layer(name).output)
        expected = keras.ops.convert_to_numpy(single(network_input(run.seen[None])))[0]
        np.testing.assert_allclose(run.maps[name], expected, atol=1e-3)
    np.testing.assert_allclose(run.classification.probabilities, model.predict(cat).probabilities, atol=1e-5)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 1), (1, 700), (5, 31), (32, 32), (33, 32), (300, 451), (960, 1280), (1280, 2)])
def test_photos_of_any_size_are_accepted(model, fit, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    seen = model.prepare(pixels, fit)
    assert seen.shape == (32, 32, 3)
    assert seen.dtype == np.uint8
    assert model.predict(pixels, fit).probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_picture_of_the_right_size_is_left_as_it_is(model):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for fit in FITS:
        np.testing.assert_array_equal(model.prepare(pixels, fit), pixels)


def test_a_large_photo_is_averaged_to_a_level_or_so(model, cat):
    side = min(cat.shape[:2])
    top, left = (cat.shape[0] - side) // 2, (cat.shape[1] - side) // 2
    square = np.ascontiguousarray(cat[top : top + side, left : left + side])
    exact = cv2.resize(square.astype(np.float64), (32, 32), interpolation=cv2.INTER_AREA)
    error = np.abs(model.prepare(cat) - exact)  # halving first mixes pixels at the edges of the averages
    assert error.mean() < 0.5
    assert error.max() < 4


def test_the_three_kinds_of_fit(model):
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 100:200] = 255  # the middle square is white
    assert model.prepare(pixels, "crop").min() == 255
    squashed = model.prepare(pixels, "squash")
    assert squashed[:, :10].max() == 0
    assert squashed[:, 12:20].min() == 255
    padded = model.prepare(pixels, "pad")
    assert (padded[:10] == 128).all()
    assert (padded[-10:] == 128).all()
    assert padded[15, 1].max() == 0
    assert padded[15, 15].min() == 255


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)],
)
def test_other_arrays_are_refused(model, pixels):
    with pytest.raises(ValueError, match="pixels must be"):
        model.predict(pixels)


def test_an_unknown_fit_names_the_choices(model, cat):
    with pytest.raises(ValueError, match="crop, squash, pad"):
        model.predict(cat, fit="stretch")


def test_concurrent_visitors_get_their_own_predictions(model):
    photos = [np.random.default_rng(i).integers(0, 256, (40 + i, 50, 3), dtype=np.uint8) for i in range(25)]
    alone = [model.predict(pixels).probabilities for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda pixels: model.predict(pixels).probabilities, photos * 8))
    for i, probabilities in enumerate(together):
        np.testing.assert_allclose(probabilities, alone[i % 25], atol=1e-6)


def test_the_network_runs_only_while_its_lock_is_held(model, cat, monkeypatch):
    """Visitors at the same time seldom show a lock that was forgotten."""
    held = []
    for name in ("_logits", "_everything"):
        run = getattr(model, name)
        monkeypatch.setattr(model, name, lambda batch, run=run: held.append(model.lock.locked()) or run(batch))
    model.predict(cat)
    model.activations(cat)
    assert held == [True, True]
    assert not model.lock.locked()


def test_labels_and_probabilities_must_match():
    with pytest.raises(ValueError, match="2 labels need as many"):
        Classification(("cat", "dog"), np.ones(3, np.float32))


def test_the_layers_facts_add_up(model):
    layers = {layer.name: layer for layer in model.layers}
    assert sum(layer.parameters for layer in model.layers) == model.network.count_params()
    assert model.layers[0].kind == "input"
    assert layers["stem"].field.size == 5
    assert layers["stem"].multiply_adds == 32 * 32 * 5 * 5 * 3 * 32
    assert layers["block2_conv1"].stride == 2
    assert set(layers["block2_add"].inputs) == {"block2_shortcut", "block2_conv2"}
    assert layers["block5_relu"].field.size == 51
    assert layers["logits"].multiply_adds == 1280
    for layer in model.layers:
        assert layer.shape == tuple(model.network.get_layer(layer.name).output.shape[1:])


@pytest.mark.parametrize("name", ["stem", "block1_add", "block2_conv1", "block2_add", "block3_relu", "block4_conv2"])
def test_a_receptive_field_is_where_the_gradient_is(model, name):
    """No pixel outside a unit's field has an influence on it, and every pixel inside has one."""
    keras = frameworks.keras()
    layer = next(layer for layer in model.layers if layer.name == name)
    row, column = layer.shape[0] // 2, layer.shape[1] // 2
    picture = np.random.default_rng(0).normal(0, 0.3, (1, 32, 32, 3)).astype(np.float32)
    # Without the ReLUs every path counts: the network's weights are kept, the activations are made linear.
    network = keras.Model(model.network.input, model.network.get_layer(name).output)
    network = keras.models.clone_model(network, clone_function=_linear)
    network.set_weights(keras.Model(model.network.input, model.network.get_layer(name).output).get_weights())
    seed = np.zeros((1, *layer.shape), np.float32)
    seed[0, row, column] = np.random.default_rng(1).normal(size=layer.shape[2])
    touched = np.abs(input_gradient(network, "cpu")(picture, seed)[0]).sum(axis=2) > 0
    first = layer.field.start + row * layer.field.jump - (layer.field.size - 1) / 2
    left = layer.field.start + column * layer.field.jump - (layer.field.size - 1) / 2
    expected = np.zeros((32, 32), bool)
    expected[max(0, int(first)) : int(first) + layer.field.size, max(0, int(left)) : int(left) + layer.field.size] = (
        True
    )
    np.testing.assert_array_equal(touched, expected)


def _linear(layer):
    keras = frameworks.keras()
    if isinstance(layer, keras.layers.ReLU):
        return keras.layers.Activation("linear", name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def test_a_network_of_other_layers_is_refused():
    keras = frameworks.keras()
    inputs = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="MaxPooling2D"):
        network_layers(keras.Model(inputs, keras.layers.MaxPooling2D()(inputs)))


@pytest.mark.parametrize("size", [(448, 448), (460, 900), (900, 460), (1280, 30), (30, 1280), (1, 1), (224, 224)])
def test_bilinear_resampling_leaves_nothing_out(size):
    """Bright lines, far apart: interpolation alone would step over most of them."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[::4, ::4] = 255
    found = resized(pixels, (224, 224), "bilinear")
    assert found.shape == (224, 224, 3)
    assert found.mean() == pytest.approx(pixels.mean(), rel=0.1, abs=1)
    even = np.full((*size, 3), 90, np.uint8)
    assert (resized(even, (224, 224), "bilinear") == 90).all()
