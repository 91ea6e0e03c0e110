"""Keras's networks: any weights file with the official name is loaded or refused."""

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cnn_demo.images import read_photo, sample_photos
from cnn_demo.models import ModelUnavailable, find, frameworks, load
from cnn_demo.models.classification.classifiers import Classifier

SAMPLES = Path(os.environ.get("CNN_DEMO_DATA", "data")) / "imagenet_samples.tar.gz"  # INDEX_WNID.jpg, 100 photos


@pytest.fixture(scope="module")
def mobilenet(weights_folder) -> Classifier:
    try:
        return load("mobilenet_v2")
    except ModelUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.weights
@pytest.mark.parametrize(("key", "label"), [("chelsea", "Egyptian cat"), ("coffee", "espresso")])
def test_sample_photos_are_classified_correctly(mobilenet, key, label):
    photo = next(sample for sample in sample_photos() if sample.key == key).load()
    assert mobilenet.predict(photo.pixels).top(1)[0][0] == label


@pytest.mark.weights
def test_imagenet_photos_are_classified_correctly(mobilenet):
    assert_knows(mobilenet, 85, 97)


def test_efficientnet_lite_classifies_imagenet_photos_correctly():
    assert_knows(load("efficientnet_lite0"), 86, 97)


def assert_knows(model: Classifier, first: int, among_five: int) -> None:
    """At least so many of 100 photos get the right class in the top-1 and the top-5."""
    if not SAMPLES.is_file():
        pytest.skip(f"needs {SAMPLES.name} in the folder that CNN_DEMO_DATA names")
    with tarfile.open(SAMPLES) as archive:
        photos = [(Path(m.name), archive.extractfile(m).read()) for m in archive if m.name.lower().endswith(".jpg")]
    assert len(photos) == 100
    hits = np.zeros(2)
    for path, data in photos:
        truth = model.labels[int(path.stem.split("_")[0])]
        best = [label for label, _ in model.predict(read_photo(data).pixels).top(5)]
        hits += best[0] == truth, truth in best
    assert hits[0] >= first
    assert hits[1] >= among_five


@pytest.fixture
def keras_home(no_models, monkeypatch, tmp_path) -> Path:
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_any_weights_under_the_official_name_are_loaded(keras_home):
    spec = find("mobilenet_v3_small")
    keras = frameworks.keras()
    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNetV3Small(weights=None, input_shape=(224, 224, 3), classifier_activation=None)
    network.save(keras_home / spec.weights)
    assert spec.availability() == "at hand"
    model = load("mobilenet_v3_small")
    photo = sample_photos()[0].load().pixels
    seen = model.prepare(photo)
    logits = keras.ops.convert_to_numpy(network(seen[None].astype(np.float32), training=False))[0]
    expected = np.exp(logits - logits.max())
    prediction = model.predict(photo)
    np.testing.assert_allclose(prediction.probabilities, expected / expected.sum(), atol=1e-6)
    assert prediction.labels == spec.labels


def test_missing_and_broken_weights_are_one_sentence(keras_home):
    spec = find("mobilenet_v3_small")
    assert spec.availability() == "download"
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        load("mobilenet_v3_small")
    (keras_home / spec.weights).write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load("mobilenet_v3_small")
