"""The rows of the ImageNet classifiers agree with Keras: network, input and download; nothing is downloaded here."""

import inspect
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnn_demo.models import find, frameworks, list_models
from cnn_demo.models.catalogue.imagenet import IMAGENET_LABELS, IMAGENET_MODELS
from cnn_demo.models.preprocessing import SCALINGS


def test_every_classifier_that_keras_names_has_one_row():
    applications = frameworks.keras().applications
    named = {name for name in dir(applications) if inspect.isfunction(getattr(applications, name))}
    builders = [spec.builder for spec in IMAGENET_MODELS]
    assert sorted(builders) == sorted(named)
    assert set(IMAGENET_MODELS) <= set(list_models("classification"))


@pytest.mark.parametrize("spec", IMAGENET_MODELS, ids=lambda spec: spec.key)
def test_a_row_is_the_network_that_keras_builds(spec, monkeypatch):
    keras = frameworks.keras()
    requested = {}

    def get_file(fname=None, origin=None, *_args, file_hash=None, **_kwargs):
        requested.update(name=fname, url=origin, checksum=file_hash)
        return fname

    build = getattr(keras.applications, spec.builder)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_args, **_kwargs: None)

    def architecture():
        with keras.StatelessScope(initialize_variables=False):
            return build(weights="imagenet", input_shape=(*spec.input_size, 3), classifier_activation=None)

    # Without its weights, and in a thread: in this one, Keras would make up for them as soon as a layer is built.
    with ThreadPoolExecutor(1) as pool:
        network = pool.submit(architecture).result()
    assert network.input_shape == (None, *spec.input_size, 3)
    assert network.output_shape == (None, len(spec.labels))
    assert network.count_params() == spec.parameters
    assert spec.bytes == pytest.approx(4 * spec.parameters, rel=0.1, abs=3_000_000)  # published in MB, rounded
    assert (requested["name"], requested["url"]) == (spec.weights, spec.url)
    assert (spec.checksum or "none:").partition(":")[2] == (requested["checksum"] or "")


def test_a_row_scales_pixels_as_its_family_does():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    for spec in IMAGENET_MODELS:
        family = sys.modules[getattr(frameworks.keras().applications, spec.builder).__module__]
        expected = family.preprocess_input(pixels.astype(np.float32), data_format="channels_last")
        np.testing.assert_allclose(SCALINGS[spec.scaling].apply(pixels), expected, atol=1e-5, err_msg=spec.key)


def test_figures_are_fractions_and_top_5_is_higher_than_top_1():
    for spec in IMAGENET_MODELS:
        assert 0.6 < spec.metric.value < 0.9
        assert spec.metric.name == "top-1 accuracy"
        for further in spec.further:
            assert further.name == "top-5 accuracy"
            assert spec.metric.value < further.value < 1


def test_labels_are_a_thousand_distinct_names():
    assert len(set(IMAGENET_LABELS)) == 1000
    assert (IMAGENET_LABELS[285], IMAGENET_LABELS[967]) == ("Egyptian cat", "espresso")


@pytest.mark.weights
def test_labels_are_in_kerass_order(weights_folder):
    file = next(weights_folder.rglob("imagenet_class_index.json"), None)
    if file is None:
        pytest.skip("needs imagenet_class_index.json in the weights folder")
    index = json.loads(file.read_text())
    for at, name in enumerate(IMAGENET_LABELS):
        assert name.partition(" (")[0] == index[str(at)][1].replace("_", " ")


def test_keys_are_the_librarys_own_lower_case_names():
    for key in ("mobilenet_v2", "resnet50", "vgg16", "inception_v3"):
        assert find(key).builder.lower() == key.replace("_", "")
