"""Each file is read back with an independent reader: Pillow, pycocotools, OpenCV."""

import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from cnn_demo.drawing.masks import BLANK, cut_out, instance_map, overlay
from cnn_demo.drawing.palette import class_colours, object_colours
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.exports.files import unique_stems, write_masks
from cnn_demo.exports.masks import as_coco_masks, as_polygons, indexed_png, run_lengths
from cnn_demo.images import Photo
from cnn_demo.models.segmentation.classical_instances import classes_as_detections
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


def test_the_smallest_object_owns_shared_pixels(found):
    numbers = instance_map(found, SIZE)
    assert found.mask[1].sum() < found.mask[0].sum()
    np.testing.assert_array_equal(numbers == 1, found.mask[0] & ~found.mask[1])
    np.testing.assert_array_equal(numbers == 2, found.mask[1])
    turned = instance_map(found[::-1], SIZE)  # whatever their order
    np.testing.assert_array_equal(turned == 1, found.mask[1])
    alike = instance_map(found[[0, 0]], SIZE)  # of equal ones the first, the most confident
    np.testing.assert_array_equal(alike == 1, found.mask[0])
    laid = overlay(PIXELS, numbers, object_colours(2), 1, numbers > 0)
    assert (laid[numbers == 2] == object_colours(2)[2]).all()
    nothing = instance_map(found[:0], SIZE)
    np.testing.assert_array_equal(overlay(PIXELS, nothing, object_colours(0), shown=nothing > 0), PIXELS)


def test_run_lengths_are_read_back_by_pycocotools(found):
    for mask in (*found.mask, np.zeros(SIZE, bool), np.ones(SIZE, bool)):
        encoded = json.loads(json.dumps(run_lengths(mask)))
        np.testing.assert_array_equal(coco_mask.decode(encoded).astype(bool), mask)


def test_pycocotools_reads_the_data_set(found, tmp_path):
    (tmp_path / "coco.json").write_text(json.dumps(as_coco_masks(found, found.mask, "a.jpg", SIZE, LABELS)))
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(tmp_path / "coco.json")
    annotations = dataset.loadAnns(dataset.getAnnIds())
    assert [dataset.cats[row["category_id"]]["name"] for row in annotations] == ["cat", "dog"]
    for annotation, mask in zip(annotations, found.mask, strict=True):
        np.testing.assert_array_equal(dataset.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        assert annotation["score"] > 0


def test_polygons_filled_again_are_the_masks(found):
    cat, dog = json.loads(json.dumps(as_polygons(found, found.mask)))
    assert (cat["class"], dog["class"]) == ("cat", "dog")
    assert [len(piece["holes"]) for piece in cat["polygons"]] == [1]
    assert [len(piece["holes"]) for piece in dog["polygons"]] == [0, 0]
    for row, mask in zip((cat, dog), found.mask, strict=True):
        np.testing.assert_array_equal(filled(row["polygons"], SIZE), mask)


def filled(polygons: list[dict], size: tuple[int, int]) -> np.ndarray:
    """The pixels of polygons, by OpenCV: a hole's outline runs along the object's pixels, which stay."""
    drawn = np.zeros(size, np.uint8)
    for piece in polygons:
        cv2.fillPoly(drawn, [np.array(piece["exterior"], np.int32)], 1)
        for hole in piece["holes"]:
            cv2.fillPoly(drawn, [np.array(hole, np.int32)], 0)
            cv2.polylines(drawn, [np.array(hole, np.int32)], True, 1)
    return drawn.astype(bool)


def test_the_background_is_no_object(segmented):
    found = classes_as_detections(segmented)
    assert "background" in found.data["class_name"]
    dataset = as_coco_masks(found, found.mask, "a.jpg", SIZE, LABELS)
    assert [each["name"] for each in dataset["categories"]] == ["cat", "dog"]
    names = {each["id"]: each["name"] for each in dataset["categories"]}
    assert sorted(names[each["category_id"]] for each in dataset["annotations"]) == ["cat", "dog"]
    assert [each["id"] for each in dataset["annotations"]] == [2, 3]  # the background is number 1
    assert {row["class"] for row in as_polygons(found, found.mask)} == {"cat", "dog"}


@pytest.mark.parametrize("kind", ["semantic", "instances", "nothing"])
@pytest.mark.parametrize("larger", [1, 3])
def test_all_files_of_a_photo_are_in_its_pixels_and_agree(kind, larger, found, segmented, tmp_path):
    prediction = {"semantic": segmented, "instances": found, "nothing": found[:0]}[kind]
    size = SIZE[0] * larger, SIZE[1] * larger
    original = PIXELS.repeat(larger, 0).repeat(larger, 1)
    photo = Photo(PIXELS, "my.photo.png", "digest", size[::-1], "PNG", data=png_bytes(original))
    paths = write_masks(tmp_path / "new" / "folder", "my.photo", photo, prediction, LABELS)
    files = {path.name.removeprefix("my.photo_"): path for path in paths}
    assert set(files) == {"mask.png", "overlay.png", "cutout.png", "coco.json", "polygons.json"}

    numbers = np.array(Image.open(files["mask.png"]))
    expected = segmented.class_map if kind == "semantic" else instance_map(prediction, SIZE)
    expected = expected.repeat(larger, 0).repeat(larger, 1)
    assert (numbers != expected).mean() <= (0 if larger == 1 else 0.01)  # enlarged outlines have round corners
    cutout = np.array(Image.open(files["cutout.png"]))
    np.testing.assert_array_equal(cutout[..., 3] > 0, numbers > 0)
    np.testing.assert_array_equal(cutout[numbers > 0][:, :3], original[numbers > 0])
    assert Image.open(files["overlay.png"]).size == size[::-1]

    dataset = json.loads(files["coco.json"].read_text())
    image = dataset["images"][0]
    assert (image["file_name"], image["height"], image["width"]) == ("my.photo.png", *size)
    polygons = json.loads(files["polygons.json"].read_text())
    assert (polygons["photo"], polygons["height"], polygons["width"]) == ("my.photo.png", *size)
    count = 0 if kind == "nothing" else 2
    assert len(dataset["annotations"]) == len(polygons["objects"]) == count
    for annotation, row in zip(dataset["annotations"], polygons["objects"], strict=True):
        mask = coco_mask.decode(annotation["segmentation"]).astype(bool)
        assert mask.shape == size
        np.testing.assert_array_equal(filled(row["polygons"], size), mask)
        np.testing.assert_allclose(annotation["bbox"], coco_mask.toBbox(annotation["segmentation"]), atol=larger)


def test_photos_of_one_name_have_files_of_their_own():
    paths = [Path("a/IMG_1.jpg"), Path("b/IMG_1.png"), Path("IMG_1_2.jpg"), Path("c/img_1.jpg"), Path("d/cat.jpg")]
    stems = unique_stems(paths)
    assert stems == ["IMG_1", "IMG_1_3", "IMG_1_2", "img_1_4", "cat"]
    assert len({stem.casefold() for stem in stems}) == len(paths)  # also where case does not count
