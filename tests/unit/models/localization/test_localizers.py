"""The localizer's adapter and the two methods without a box head, on a small network with known outputs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cnn_demo.models import find, frameworks
from cnn_demo.models.boxes import weighted_median
from cnn_demo.models.bundled_networks import localizer_heads, localizer_on
from cnn_demo.models.catalogue.registry import LOCALIZER_LABELS
from cnn_demo.models.localization import weak_localization
from cnn_demo.models.localization.localizers import Localizer
from cnn_demo.models.localization.weak_localization import cam_box, slide, windows
from cnn_demo.results import Localization

SIDE, PLACES = 32, 8
BRIGHT_IS_AIRPLANE = 20.0  # increase of the logit of "airplane" from a black picture to a white one


@pytest.fixture(scope="module")
def model():
    """A photo half of which is white is an airplane to it, a darker one nothing; the box is the middle, always."""
    keras = frameworks.keras()
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.AveragePooling2D(SIDE // PLACES, name="shrink")(inputs)
    x = keras.layers.Rescaling(0.5, 0.5, name="last")(x)  # from 0, black, to 1, white
    network = keras.Model(inputs, localizer_heads(x))
    kernel = np.zeros((3, 4), np.float32)
    kernel[:, 0] = BRIGHT_IS_AIRPLANE / 3
    network.get_layer("logits").set_weights([kernel, np.array([-BRIGHT_IS_AIRPLANE / 2, -9, -9, 0], np.float32)])
    votes = network.get_layer("box_places")
    votes.set_weights([np.zeros_like(votes.get_weights()[0]), np.array([0.3, 0.3, 0.3, 0.3, 0], np.float32)])
    spec = replace(find("cifar10_cnn"), labels=LOCALIZER_LABELS, task="localization", input_size=(SIDE, SIDE))
    return Localizer(spec, network, "cpu")


@pytest.fixture(scope="module")
def random_model(model):
    """The same architecture with random weights, so that positions disagree."""
    keras = frameworks.keras()
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Conv2D(5, 3, 4, "same", activation="relu", name="trunk")(inputs)
    network = keras.Model(inputs, localizer_heads(x))
    draw = np.random.default_rng(3)
    network.set_weights([draw.normal(0, 0.4, weight.shape).astype(np.float32) for weight in network.get_weights()])
    return Localizer(model.spec, network, "cpu")


def photo(height: int = 60, width: int = 90, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def with_white(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    return pixels


def test_a_prediction_has_a_label_and_a_box_in_pixels_of_the_photo(model):
    prediction = model.predict(with_white(100, 200, (0, 0, 160, 100)))
    assert isinstance(prediction, Localization)
    assert prediction.label == "airplane"
    np.testing.assert_allclose(
        prediction.box_xyxy, [40, 20, 160, 80], atol=1e-3
    )  # 0.3 around the mean of all positions
    logit = BRIGHT_IS_AIRPLANE * (0.8 - 0.5)
    expected = np.exp([logit, -9, -9, 0]) / np.exp([logit, -9, -9, 0]).sum()
    np.testing.assert_allclose(prediction.probabilities, expected, atol=0.01)
    assert prediction.probability == prediction.probabilities[0]
    assert prediction.labels == ("airplane", "face", "motorcycle", "nothing")
    assert prediction.box_xyxy.dtype == prediction.probabilities.dtype == np.float32
    assert prediction.milliseconds > 0


def test_a_photo_of_none_of_its_classes_has_no_label(model):
    prediction = model.predict(np.zeros((50, 70, 3), np.uint8))
    assert prediction.label is None
    assert prediction.box_xyxy is None
    assert prediction.probability == prediction.probabilities[-1] > 0.99


def test_below_the_threshold_is_nothing_either(model):
    pixels = with_white(100, 100, (0, 0, 100, 56))  # exp(1.2) against 1: 0.77
    assert model.predict(pixels, threshold=0.7).label == "airplane"
    assert model.predict(pixels, threshold=0.85).label is None
    darker = with_white(100, 100, (0, 0, 100, 46))  # "nothing" is more probable
    assert model.predict(darker, threshold=0).label is None
    with pytest.raises(ValueError, match="from 0 to 1"):
        model.predict(pixels, threshold=1.5)


def test_the_box_is_the_mean_of_the_votes_and_stays_on_the_photo(random_model):
    clipped = 0
    for seed in range(5):
        found = random_model.evidence(photo(seed=seed), threshold=0)
        assert found.attention.shape == (PLACES, PLACES)
        assert found.attention.sum() == pytest.approx(1, abs=1e-5)
        mean = (found.votes * found.attention[..., None]).sum(axis=(0, 1))
        low, high = np.minimum(mean[:2], mean[2:]), np.maximum(mean[:2], mean[2:])
        expected = np.clip(np.concatenate([low, high]), 0, [90, 60, 90, 60])
        np.testing.assert_allclose(found.box_xyxy, expected, atol=1e-2)
        clipped += not np.allclose(np.concatenate([low, high]), expected)
        prediction = random_model.predict(photo(seed=seed), threshold=0)
        assert prediction.label == found.localization.label
        np.testing.assert_allclose(prediction.probabilities, found.localization.probabilities, atol=1e-5)
        if prediction.label:
            np.testing.assert_allclose(prediction.box_xyxy, found.box_xyxy, atol=1e-2)
    assert clipped  # or else nothing was tested


def test_the_box_is_the_median_of_the_votes_where_that_is_chosen(random_model):
    model = Localizer(random_model.spec, random_model.network, "cpu", "median")
    found = model.evidence(photo(seed=1), threshold=0)
    median = weighted_median(found.votes.reshape(-1, 4), found.attention.ravel())
    low, high = np.minimum(median[:2], median[2:]), np.maximum(median[:2], median[2:])
    np.testing.assert_allclose(found.box_xyxy, np.clip([*low, *high], 0, [90, 60, 90, 60]), atol=1e-2)
    assert np.abs(found.box_xyxy - random_model.evidence(photo(seed=1)).box_xyxy).max() > 1
    np.testing.assert_allclose(model.outputs(found.seen[None])[1][0] * [90, 60, 90, 60], median, atol=1e-2)


def test_boxes_of_all_positions_are_around_their_centres(model):
    votes = model.evidence(photo(80, 160)).votes
    np.testing.assert_allclose(votes[0, 0], [160 * (1 / 16 - 0.3), 80 * (1 / 16 - 0.3), 58, 29], atol=1e-3)
    np.testing.assert_allclose(votes[2, 5] - votes[2, 4], [20, 0, 20, 0], atol=1e-3)


def test_the_activation_map_has_a_closed_form(random_model):
    found = random_model.evidence(photo())
    maps = found.maps @ random_model.class_weights
    bias = random_model.network.get_layer("logits").get_weights()[1]
    np.testing.assert_allclose(maps.mean(axis=(0, 1)) + bias, found.logits, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (33, 5), (400, 300)])
def test_photos_of_any_size_are_accepted(random_model, size):
    prediction = random_model.predict(photo(*size), threshold=0)
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    if prediction.label:
        assert (prediction.box_xyxy >= 0).all()
        assert (prediction.box_xyxy <= np.array([size[1], size[0]] * 2)).all()


@pytest.mark.parametrize("pixels", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)])
def test_other_arrays_are_refused(model, pixels):
    with pytest.raises(ValueError, match="pixels must be"):
        model.predict(pixels)


def test_concurrent_visitors_get_their_own_predictions(random_model):
    photos = [photo(40 + i, 50, seed=i) for i in range(8)]
    alone = [random_model.predict(pixels).probabilities for pixels in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda pixels: random_model.predict(pixels).probabilities, photos * 3))
    for i, probabilities in enumerate(together):
        np.testing.assert_allclose(probabilities, alone[i % 8], atol=1e-6)


def test_the_network_runs_only_while_its_lock_is_held(model, monkeypatch):
    run, held = model._outputs, []
    monkeypatch.setattr(model, "_outputs", lambda batch: held.append(model.lock.locked()) or run(batch))
    model.predict(photo(40, 50))
    model.evidence(photo(40, 50))
    assert held == [True, True]
    assert not model.lock.locked()


@pytest.mark.parametrize(
    ("label", "box", "message"),
    [("face", None, "come together"), (None, np.zeros(4), "come together"), ("face", np.zeros(3), "4 coordinates")],
)
def test_incomplete_outputs_are_refused(label, box, message):
    with pytest.raises(ValueError, match=message):
        Localization(label, 0.5, box)


def test_a_class_activation_map_gives_the_box_of_the_bright_region(model):
    pixels = with_white(160, 320, (80, 40, 200, 120))  # 2 to 5 of 8 columns, 2 to 6 of 8 rows
    found = cam_box(model, model.evidence(pixels), "airplane", (160, 320), threshold=0.5)
    np.testing.assert_allclose(found.map, found.map.max() * (model.prepare(pixels)[2::4, 2::4, 0] > 0), atol=1e-4)
    np.testing.assert_allclose(found.box_xyxy, [80, 40, 200, 120], atol=5)
    wider = cam_box(model, model.evidence(pixels), "airplane", (160, 320), threshold=0.1)
    assert wider.mask.sum() > found.mask.sum()


def test_the_largest_connected_part_counts(model):
    pixels = with_white(128, 128, (0, 0, 16, 16))
    pixels[64:128, 64:128] = 255
    found = cam_box(model, model.evidence(pixels), "airplane", (128, 128), threshold=0.5)
    assert found.mask[4, 4]
    np.testing.assert_allclose(found.box_xyxy, [64, 64, 128, 128], atol=2)


def test_a_zero_map_has_no_box(model):
    found = cam_box(model, model.evidence(photo()), "face", (60, 90))
    assert found.box_xyxy is None
    assert not found.mask.any()
    with pytest.raises(ValueError, match="airplane, face"):
        cam_box(model, model.evidence(photo()), "dog", (60, 90))
    with pytest.raises(ValueError, match="between 0 and 1"):
        cam_box(model, model.evidence(photo()), "face", (60, 90), threshold=1)


def test_windows_cover_the_photo():
    boxes = windows((60, 90), scales=(1.0, 0.5), step=0.5)
    assert len(boxes) == 1 + 9
    assert boxes[0].tolist() == [0, 0, 90, 60]
    assert boxes[1].tolist() == [0, 0, 45, 30]
    assert boxes[2].tolist() == [22.5, 0, 67.5, 30]
    assert boxes[-1].tolist() == [45, 30, 90, 60]


@pytest.mark.parametrize(
    ("scales", "step", "message"),
    [((), 0.5, "one at least"), ((0.5, 1.2), 0.5, "at most 1"), ((1.0,), 0, "step"), ((0.1,), 0.05, "larger scales")],
)
def test_bad_scans_are_refused(scales, step, message):
    with pytest.raises(ValueError, match=message):
        windows((60, 90), scales, step)


def test_the_sliding_window_finds_the_bright_region(model):
    pixels = with_white(64, 96, (36, 8, 84, 40))  # half of the photo's sides, on the grid of the windows
    reported = []
    scan = slide(model, pixels, scales=(1.0, 0.5), step=0.25, progress=lambda done, of: reported.append((done, of)))
    assert scan.passes == len(scan.boxes) == 1 + 25
    assert reported == [(26, 26)]
    best = scan.best("airplane")
    assert scan.boxes[best].tolist() == [36, 8, 84, 40]
    assert scan.scales[best] == pytest.approx(0.5)
    assert scan.probabilities[best, 0] > 0.99
    assert scan.probabilities[0, 0] < 0.1  # a quarter of the whole photo is white
    np.testing.assert_allclose(scan.probabilities.sum(axis=1), 1, atol=1e-5)


def test_many_windows_go_through_in_batches(model, monkeypatch):
    pixels = photo(40, 40)
    whole = slide(model, pixels, scales=(0.4,), step=0.5)
    monkeypatch.setattr(weak_localization, "BATCH", 3)
    reported = []
    parts = slide(model, pixels, scales=(0.4,), step=0.5, progress=lambda *counts: reported.append(counts))
    assert whole.passes == 16
    assert reported == [(3, 16), (6, 16), (9, 16), (12, 16), (15, 16), (16, 16)]
    np.testing.assert_allclose(parts.probabilities, whole.probabilities, atol=1e-6)


def test_a_tiny_photo_can_be_scanned(model):
    assert slide(model, photo(1, 2), scales=(1.0, 0.5), step=0.5).passes == 10


def test_the_heads_go_onto_a_classifier(model):
    keras = frameworks.keras()
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(6, 3, 4, "same", activation="relu")(inputs)
    logits = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x))
    network, heads = localizer_on(keras.Model(inputs, logits))
    localizer = Localizer(model.spec, network, "cpu")
    assert localizer.class_weights.shape == (6, 4)
    found = localizer.evidence(photo(), threshold=0)
    logits = keras.ops.convert_to_numpy(heads(found.maps[None])["logits"])
    np.testing.assert_allclose(logits[0], found.logits, atol=1e-5)
    assert network.count_params() == heads.count_params() + (27 * 6 + 6)
    with pytest.raises(ValueError, match="averages no feature maps"):
        localizer_on(keras.Model(inputs, x))
