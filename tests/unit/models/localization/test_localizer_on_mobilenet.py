"""The same heads on MobileNetV2, if its weights are available locally."""

import pytest

from cnn_demo.images import sample_photos
from cnn_demo.models import ModelUnavailable, find, load

KEY = "caltech_localizer_mobilenet_v2"
SAMPLES = {sample.key: sample for sample in sample_photos()}


def test_without_the_trunk_it_is_not_offered(monkeypatch, tmp_path):
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find(KEY).availability() in ("download", "unavailable")


@pytest.mark.weights
def test_the_astronaut_is_a_face_and_a_cup_is_nothing(weights_folder):
    try:
        model = load(KEY, "cpu")
    except ModelUnavailable as error:
        pytest.skip(str(error))
    assert model.network.count_params() == find(KEY).parameters
    found = model.predict(SAMPLES["astronaut"].load().pixels)
    assert found.label == "face"
    assert (found.box_xyxy[:2] < (235, 100)).all()  # the middle of her face
    assert (found.box_xyxy[2:] > (235, 100)).all()
    assert model.predict(SAMPLES["coffee"].load().pixels).label is None
