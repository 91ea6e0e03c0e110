"""Page 7's masks: layers, names, coverage, doubt and agreement, apart from Streamlit; and validation in mask_view."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import supervision as sv

from cnn_demo.drawing.palette import class_colours
from cnn_demo.images import Photo
from cnn_demo.models import find
from cnn_demo.models.catalogue.class_names import common_name
from cnn_demo.models.segmentation.segmenters import LONGEST, SemanticSegmenter
from cnn_demo.results import Segmentation
from cnn_demo.ui.components import mask_view as component
from cnn_demo.ui.components.mask_view import NOTHING, Layer, mask_view
from cnn_demo.ui.segmentation.classical_instances import ALONE, countable, drawn_objects
from cnn_demo.ui.segmentation.confidence import border_confidence, certain_pixels, fractions_left
from cnn_demo.ui.segmentation.downloads import cut_out_of
from cnn_demo.ui.segmentation.instances import numbered, object_layers
from cnn_demo.ui.segmentation.semantic_or_instance import compared
from cnn_demo.ui.segmentation.state import covered, layers_of, reduced_segmentation, resized_map, sides_for
from cnn_demo.ui.widgets.model_table import figures, models_table

LABELS = ("background", "cat", "aeroplane")


def segmentation_of(class_map, confidence=None, labels=LABELS) -> Segmentation:
    class_map = np.asarray(class_map, np.uint8)
    confidence = np.full(class_map.shape, 0.8) if confidence is None else confidence
    return Segmentation(class_map, labels, np.asarray(confidence, np.float32), np.zeros(class_map.shape, np.float32))


def found(masks: np.ndarray, names: list[str], confidences: list[float]) -> sv.Detections:
    return sv.Detections(
        np.zeros((len(masks), 4), np.float32),
        mask=masks,
        confidence=np.array(confidences, np.float32),
        class_id=np.arange(len(masks)),
        data={"class_name": np.array(names, dtype=str)},
    )


def test_the_background_has_no_layer_and_the_largest_class_comes_first():
    layers = layers_of(segmentation_of([[0, 0, 1, 2], [0, 2, 2, 2]]))
    assert [(layer.id, layer.name, layer.fraction) for layer in layers] == [(2, "aeroplane", 0.5), (1, "cat", 0.125)]
    assert layers[0].colour != layers[1].colour


def test_a_class_keeps_its_colour_whatever_else_is_on_the_photo():
    alone, both = layers_of(segmentation_of([[2, 2]])), layers_of(segmentation_of([[1, 2]]))
    assert alone[0].colour == next(layer.colour for layer in both if layer.name == "aeroplane")
    assert class_colours(LABELS)[0].tolist() == [0, 0, 0]
    assert class_colours(LABELS[1:]).any(axis=1).all()


def test_without_a_background_every_pixel_is_foreground():
    assert segmentation_of([[0, 1]]).foreground().tolist() == [[False, True]]
    assert segmentation_of([[0, 1]], labels=("sky", "road")).foreground().all()


def test_coverage_in_words_ends_with_the_background():
    assert (
        covered(segmentation_of([[0, 0, 0, 1, 2, 2, 2, 2]])) == "**50.0%** aeroplane · **12.5%** cat · 37.5% background"
    )
    many = segmentation_of([list(range(9))], labels=tuple("abcdefghi"))
    assert covered(many, limit=2).endswith("b · 7 more")


def test_maps_are_made_smaller_without_classes_that_were_not_there():
    class_map = np.kron(np.array([[0, 2], [2, 0]]), np.ones((50, 60)))
    photo = Photo(np.zeros((100, 120, 3), np.uint8), "p", "key")
    small, reduced = reduced_segmentation(photo, segmentation_of(class_map), 60)
    assert small.shape == (50, 60, 3)
    assert reduced.class_map.shape == reduced.confidence.shape == reduced.entropies.shape == (50, 60)
    assert set(np.unique(reduced.class_map)) == {0, 2}
    np.testing.assert_array_equal(reduced.class_map, np.kron([[0, 2], [2, 0]], np.ones((25, 30))))


def test_a_map_of_the_right_size_is_not_touched_and_a_mask_stays_one():
    values = np.eye(4, dtype=bool)
    assert resized_map(values, (4, 4)) is values
    assert resized_map(values, (8, 8)).dtype == bool
    assert resized_map(values, (8, 8)).mean() == values.mean()


@pytest.mark.parametrize("size", [(480, 640), (1280, 960), (40, 900), (3, 1280), (1280, 4)])
def test_every_size_that_is_offered_is_taken(size):
    segmenter = SemanticSegmenter.__new__(SemanticSegmenter)
    segmenter.spec, segmenter.stride, segmenter.sides = find("fcn_resnet50"), 32, (256, 512, 960)
    sides, own = sides_for(segmenter, size)
    assert own in sides
    assert all(max(segmenter.frame(size, side).input) <= LONGEST for side in sides)


def test_objects_are_numbered_within_their_class():
    masks = np.eye(3, dtype=bool)[:, None].repeat(2, axis=1)
    objects = found(masks, ["cat", "dog", "cat"], [0.9, 0.8, 0.7])
    assert numbered(objects) == ["cat 1", "dog 1", "cat 2"]
    layers = object_layers(objects)
    assert [layer.id for layer in layers] == [1, 2, 3]
    assert layers[2].detail == "confidence 70.0%"
    assert layers[0].fraction == pytest.approx(1 / 3)
    assert len({layer.colour for layer in layers}) == 3


def test_class_names_of_data_sets_are_unified():
    assert common_name("aeroplane") == "airplane"
    assert common_name("cat") == "cat"
    masks = np.array([[[True, False, False, False]], [[False, True, False, False]]])
    objects = found(masks, ["airplane", "kite"], [0.9, 0.8])
    frame = compared(segmentation_of([[2, 2, 0, 1]]), objects).set_index("Class")
    assert frame.loc["airplane"].tolist() == [50.0, 25.0, 1.0]
    assert np.isnan(frame.loc["cat", "Objects"])
    assert np.isnan(frame.loc["kite", "Pixels, semantic"])


def test_the_class_with_most_objects_comes_first():
    objects = found(np.zeros((3, 1, 4), bool), ["airplane", "cat", "cat"], [0.9, 0.8, 0.7])
    assert countable(segmentation_of([[2, 2, 2, 1]]), objects) == ["cat", "aeroplane"]
    assert countable(segmentation_of([[0, 0]]), objects) == []


def test_the_default_cut_out_is_the_foreground_or_the_largest_class():
    assert cut_out_of(segmentation_of([[0, 1, 2, 2]])) == ["aeroplane", "cat"]
    assert cut_out_of(segmentation_of([[0, 1, 1]], labels=("sky", "road"))) == ["road"]


def test_the_remaining_fraction_excludes_doubtful_pixels():
    confidence = np.random.default_rng(3).random((30, 40), np.float32)
    confidence[0, :5] = 0.3
    thresholds = np.array([0, 0.3, 0.5, 1])
    segmentation = segmentation_of(np.zeros((30, 40)), confidence)
    expected = [1 - segmentation.doubtful(float(threshold)).mean() for threshold in thresholds]
    np.testing.assert_allclose(fractions_left(confidence, thresholds), expected)


def test_confidence_near_borders_is_separate_from_that_elsewhere():
    class_map = np.zeros((20, 40))
    class_map[:, 20:] = 1
    confidence = np.full((20, 40), 0.9)
    confidence[:, 18:22] = 0.5
    assert border_confidence(segmentation_of(class_map, confidence), reach=2) == pytest.approx((0.5, 0.9))
    near, far = border_confidence(segmentation_of(np.zeros((9, 9))))
    assert np.isnan(near)
    assert far == pytest.approx(0.8)


def test_doubtful_pixels_are_white_and_the_background_is_plain():
    pixels = np.full((1, 3, 3), 100, np.uint8)
    scene = certain_pixels(pixels, segmentation_of([[0, 1, 1]], [[0.9, 0.9, 0.2]]), 0.5)
    assert scene[0, 0].tolist() == [100, 100, 100]
    assert scene[0, 1].tolist() != [100, 100, 100]
    assert scene[0, 2].min() > 225
    assert (pixels == 100).all()


def test_objects_are_drawn_with_outlines_the_first_on_top():
    masks = np.zeros((2, 20, 20), bool)
    masks[0, 5:12, 5:12], masks[1, 8:18, 8:18] = True, True
    pixels = np.zeros((20, 20, 3), np.uint8)
    scene = drawn_objects(pixels, masks, np.array([ALONE, (0, 0, 250)], np.uint8))
    assert scene[10, 10].tolist() == scene[7, 7].tolist()
    assert scene[14, 14, 2] > 100 > scene[14, 14, 0]
    assert scene[5, 8].tolist() == [255, 255, 255]
    assert drawn_objects(pixels, masks[:0], np.zeros((0, 3), np.uint8)).max() == 0


def test_a_figure_is_shown_under_its_own_name_only():
    specs = [find("fcn_resnet50"), find("yolo11n-seg"), replace(find("fcn_resnet101"), metric=None)]
    assert figures(specs, "mean IoU").round(1).tolist()[0] == 60.5
    assert figures(specs, "mean IoU").isna().tolist() == [False, True, True]
    table = models_table(specs, {spec.key: "here" for spec in specs}, {"Mean IoU": figures(specs, "mean IoU")})
    assert list(table.columns[:2]) == ["Model", "Mean IoU"]
    assert len(table) == 3


def test_networks_on_this_machine_stand_first_in_the_table():
    specs = [find(key) for key in ("fcn_resnet50", "fcn_resnet101", "street_unet", "yolo11n-seg", "pet_unet")]
    where = dict.fromkeys((spec.key for spec in specs), "to download")
    where |= {"street_unet": "bundled", "pet_unet": "on this machine"}
    table = models_table(specs, where, {})
    assert table["Model"].tolist()[:2] == ["Street U-Net", "Pet U-Net"]
    assert table["Model"].tolist()[2:] == [specs[i].title for i in (0, 1, 3)]
    assert table["Weights"].tolist() == ["bundled", "on this machine", *["to download"] * 3]


@pytest.fixture
def mounted(monkeypatch):
    """The data for the browser."""
    given = {}
    monkeypatch.setattr(component, "_mount", lambda **facts: given.update(facts))
    return given


PIXELS = np.zeros((6, 8, 3), np.uint8)


def test_mask_view_sends_the_map_exactly(mounted):
    ids = np.arange(48).reshape(6, 8)
    confidence = np.linspace(0, 1, 48).reshape(6, 8)
    mask_view(PIXELS, ids, [Layer(3, "cat", "#ff0000", 0.5)], key="m", alt="A cat.", confidence=confidence)
    data = mounted["data"]
    assert (data["height"], data["width"]) == (6, 8)
    np.testing.assert_array_equal(decoded(data["ids"]), ids)
    np.testing.assert_array_equal(decoded(data["confidence"]), np.rint(confidence * 255))
    assert data["classes"][0]["name"] == "cat"
    assert data["settings"] == {"opacity": 60, "threshold": 0, "outline": False, "split": None}


def decoded(url: str) -> np.ndarray:
    import base64

    return cv2.imdecode(np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(
    ("ids", "layers", "confidence"),
    [
        (np.zeros((6, 7), int), (), None),
        (np.zeros((6, 8), int), (), np.zeros((8, 6))),
        (np.full((6, 8), -1), (), None),
        (np.full((6, 8), 256), (), None),
        (np.zeros((6, 8), int), (Layer(NOTHING, "none", "#000000", 0.0),), None),
    ],
)
def test_mask_view_refuses_other_sizes_and_ids(mounted, ids, layers, confidence):
    with pytest.raises(ValueError, match=r"one size|numbered"):
        mask_view(PIXELS, ids, layers, key="m", alt="Nothing.", confidence=confidence)
    assert not mounted
