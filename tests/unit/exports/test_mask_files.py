"""Each file is read back with an independent reader: Pillow, pycocotools, OpenCV."""

import contextlib
import io
import json

import cv2
import numpy as np
import pytest
import supervision as sv
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from cnn_demo.drawing.masks import BLANK, cut_out, instance_map, overlay, overlay_instances
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.exports.files import write_masks
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png, run_lengths
from cnn_demo.results import Segmentation

LABELS = ("background", "cat", "dog")
SIZE = (60, 80)
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def found() -> sv.Detections:
    """A cat with a hole, and a dog in two pieces that the cat overlaps."""
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 10:40, 10:50] = True
    masks[0, 20:25, 20:30] = False
    masks[1, 30:50, 40:60] = masks[1, 2:6, 70:78] = True
    return sv.Detections(
        np.array([[10, 10, 50, 40], [40, 2, 78, 50]], np.float32),
        mask=masks,
        confidence=np.array([0.9, 0.5], np.float32),
        class_id=np.array([1, 2]),
        data={"class_name": np.array(["cat", "dog"])},
        metadata={"milliseconds": 1.0, "device": "cpu", "engine": "torch"},
    )


@pytest.fixture(scope="module")
def segmented() -> Segmentation:
    class_map = np.zeros(SIZE, np.uint8)
    class_map[10:30, 5:40], class_map[35:50, 50:70] = 1, 2
    return Segmentation(class_map, LABELS, np.full(SIZE, 0.8, np.float32))


def test_an_indexed_png_holds_classes_and_shows_colours(segmented):
    blank = np.zeros(SIZE, bool)
    blank[:3] = True
    colours = class_colours(LABELS)
    picture = Image.open(io.BytesIO(indexed_png(segmented.class_map, colours, blank)))
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.array(picture), np.where(blank, BLANK, segmented.class_map))
    shown = np.array(picture.convert("RGB"))
    np.testing.assert_array_equal(shown[3:], colours[segmented.class_map][3:])
    assert (shown[:3] == 255).all()


def test_a_png_refuses_more_classes_than_it_can_hold(segmented):
    with pytest.raises(ValueError, match="holds 255 classes, not 256"):
        indexed_png(segmented.class_map, np.zeros((256, 3), np.uint8))
    with pytest.raises(ValueError, match="3 classes need as many colours, not 2"):
        indexed_png(segmented.class_map, object_colours(1))


def test_a_cut_out_is_transparent_outside_the_mask(found):
    picture = cut_out(PIXELS, found.mask[0])
    np.testing.assert_array_equal(picture[..., 3] == 255, found.mask[0])
    np.testing.assert_array_equal(picture[found.mask[0]][:, :3], PIXELS[found.mask[0]])
    assert not picture[~found.mask[0]].any()


def test_an_overlay_fades_from_the_photo_to_the_colours(segmented):
    colours = class_colours(LABELS)
    np.testing.assert_array_equal(overlay(PIXELS, segmented.class_map, colours, 0), PIXELS)
    np.testing.assert_array_equal(overlay(PIXELS, segmented.class_map, colours, 1), colours[segmented.class_map])
    shown = segmented.class_map == 2
    half = overlay(PIXELS, segmented.class_map, colours, 0.5, shown)
    np.testing.assert_array_equal(half[~shown], PIXELS[~shown])
    np.testing.assert_allclose(half[shown], (PIXELS[shown] + colours[2].astype(float)) / 2, atol=0.51)


def test_the_most_confident_object_owns_shared_pixels(found):
    numbers = instance_map(found, SIZE)
    np.testing.assert_array_equal(numbers == 1, found.mask[0])
    np.testing.assert_array_equal(numbers == 2, found.mask[1] & ~found.mask[0])
    laid = overlay_instances(PIXELS, found, 1)
    assert (laid[numbers == 2] == object_colours(2)[2]).all()
    np.testing.assert_array_equal(overlay_instances(PIXELS, found[:0]), PIXELS)


def test_run_lengths_are_read_back_by_pycocotools(found):
    for mask in (*found.mask, np.zeros(SIZE, bool), np.ones(SIZE, bool)):
        encoded = json.loads(json.dumps(run_lengths(mask)))
        np.testing.assert_array_equal(coco_mask.decode(encoded).astype(bool), mask)


def test_pycocotools_reads_the_data_set(found, tmp_path):
    (tmp_path / "coco.json").write_text(json.dumps(as_coco_masks(found, "a.jpg", LABELS)))
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(tmp_path / "coco.json")
    annotations = dataset.loadAnns(dataset.getAnnIds())
    assert [dataset.cats[row["category_id"]]["name"] for row in annotations] == ["cat", "dog"]
    for annotation, mask in zip(annotations, found.mask, strict=True):
        np.testing.assert_array_equal(dataset.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        assert annotation["score"] > 0


def test_polygons_filled_again_are_the_masks_without_their_holes(found):
    cat, dog = json.loads(json.dumps(as_polygons(found)))
    assert (cat["class"], dog["class"]) == ("cat", "dog")
    assert (len(cat["polygons"]) >= 1, len(dog["polygons"])) == (True, 2)
    drawn = np.zeros(SIZE, np.uint8)
    for polygon in dog["polygons"]:
        cv2.fillPoly(drawn, [np.array(polygon, np.int32)], 1)
    np.testing.assert_array_equal(drawn.astype(bool), found.mask[1])


def test_boxes_alone_have_no_masks_to_export(found):
    boxes = sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id, data=found.data)
    for export in (as_polygons, lambda boxes: as_coco_masks(boxes, "a.jpg", LABELS)):
        with pytest.raises(ValueError, match="boxes only"):
            export(boxes)


@pytest.mark.parametrize("kind", ["semantic", "instances", "nothing"])
def test_all_files_of_a_photo_are_written_and_agree(kind, found, segmented, tmp_path, root):
    answer = {"semantic": segmented, "instances": found, "nothing": found[:0]}[kind]
    paths = write_masks(tmp_path / "new" / "folder", root / "my.photo.jpg", PIXELS, answer, LABELS)
    files = {path.name.removeprefix("my.photo_"): path for path in paths}
    assert set(files) == {"mask.png", "overlay.png", "cutout.png", "coco.json", "polygons.json"}
    numbers = np.array(Image.open(files["mask.png"]))
    expected = segmented.class_map if kind == "semantic" else instance_map(answer, SIZE)
    np.testing.assert_array_equal(numbers, expected)
    np.testing.assert_array_equal(np.array(Image.open(files["cutout.png"]))[..., 3] > 0, expected > 0)
    assert Image.open(files["overlay.png"]).size == SIZE[::-1]
    count = {"semantic": 3, "instances": 2, "nothing": 0}[kind]
    assert len(json.loads(files["coco.json"].read_text())["annotations"]) == count
    assert len(json.loads(files["polygons.json"].read_text())) == count
