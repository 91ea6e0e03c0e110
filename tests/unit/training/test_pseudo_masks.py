"""Pseudo-masks: instances count if a true box agrees; outlines and doubtful instances are ignored."""

from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from cnn_demo.models.catalogue.coco_detectors import COCO_LABELS
from cnn_demo.models.segmentation.metrics import IGNORED
from training import pseudo_masks
from training.data.everyday import LABELS, EverydayPhoto
from training.pseudo_masks import BAND, class_map, read_masked_cats, read_pseudo_masked

CAT, PERSON = LABELS.index("cat") + 1, LABELS.index("person") + 1
CAT_BOX, PERSON_BOX = (10, 10, 40, 40), (50, 20, 75, 50)
PHOTO = np.full((60, 80, 3), 100, np.uint8)
PHOTO[10:40, 10:40], PHOTO[20:50, 50:75] = 240, (128, 128, 255)
BACKGROUND, IN_CAT, IN_PERSON = np.s_[54:, :], np.s_[13:37, 13:37], np.s_[23:47, 53:72]


@pytest.fixture
def eyes(teacher):
    """A teacher that predicts a person for blue regions."""
    objects = (("cat", CAT_BOX, 240), ("person", PERSON_BOX, (128, 128, 255)))

    def predict(pixels, confidence, classes, side):
        assert (side, "zebra" in classes, "couch" in classes) == (pseudo_masks.SIDE, False, True)
        scores = {name: teacher.confidences.get(name, 0.9) for name, _, _ in objects}
        found = [(n, b, (pixels == c).all(2), scores[n]) for n, b, c in objects if scores[n] > confidence]
        if not found:
            return sv.Detections.empty()
        names, boxes, masks, scores = map(np.array, zip(*found, strict=True))
        return sv.Detections(boxes.astype(float), masks, scores, np.arange(len(names)), data={"class_name": names})

    teacher.predict = predict
    return teacher


def truth(*objects: tuple[str, tuple]) -> EverydayPhoto:
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    class_ids = np.array([LABELS.index(label) for label, _ in objects], np.int64)
    return EverydayPhoto(PHOTO, boxes, class_ids, "photo", np.zeros(len(objects), bool))


def test_without_boxes_confident_masks_count_and_doubtful_ones_are_ignored(eyes):
    eyes.confidences["person"] = 0.3
    mask = class_map(eyes, PHOTO)
    assert mask.dtype == np.uint8
    assert (mask[IN_CAT] == CAT).all()
    assert (mask[IN_PERSON] == IGNORED).all()
    assert (mask[BACKGROUND] == 0).all()
    eyes.confidences["person"] = 0.1
    assert (class_map(eyes, PHOTO)[IN_PERSON] == 0).all()


def test_a_band_along_the_outline_is_ignored(eyes):
    row = class_map(eyes, PHOTO)[25, :46]
    reach = BAND // 2  # on both sides
    expected = [0] * (10 - reach) + [IGNORED] * (2 * reach) + [CAT] * (30 - 2 * reach) + [IGNORED] * (2 * reach)
    assert row[: len(expected)].tolist() == expected
    assert (row[len(expected) :] == 0).all()


def test_with_boxes_an_instance_counts_if_one_agrees(eyes):
    eyes.confidences["person"] = 0.3  # sure enough where a box confirms it
    mask = class_map(eyes, PHOTO, truth(("person", (52, 20, 75, 50)), ("cat", (60, 0, 70, 9))))
    assert (mask[IN_PERSON] == PERSON).all()
    assert (mask[IN_CAT] == IGNORED).all()  # the only cat's box is elsewhere
    assert (mask[:10, 60:71] == IGNORED).all()  # and nothing was found there
    assert (mask[BACKGROUND] == 0).all()
    mask = class_map(eyes, PHOTO, truth(("dog", CAT_BOX), ("person", (50, 20, 75, 35))))
    assert (mask[IN_CAT] == IGNORED).all()
    assert (mask[IN_PERSON] == IGNORED).all()  # an IoU of one half is too little


def test_a_box_without_any_instance_is_ignored(eyes):
    eyes.confidences |= {"person": 0.0, "cat": 0.0}
    mask = class_map(eyes, PHOTO, truth(("cat", (9.6, 10, 40, 40))))
    assert (mask == IGNORED).sum() == 31 * 31
    assert (class_map(eyes, PHOTO, truth()) == 0).all()


def test_the_more_confident_of_two_instances_is_in_front():
    left, right = np.zeros((2, 40, 80), bool)
    left[:, :50], right[:, 30:] = True, True
    boxes, names = np.array([[0, 0, 50, 40], [30, 0, 80, 40]], float), np.array(["person", "horse"])
    for scores in ((0.9, 0.8), (0.8, 0.9)):
        found = sv.Detections(
            boxes, np.stack([left, right]), np.array(scores), np.arange(2), data={"class_name": names}
        )
        teacher = SimpleNamespace(spec=SimpleNamespace(labels=COCO_LABELS), predict=lambda *_, found=found, **__: found)
        front = LABELS.index(names[np.argmax(scores)]) + 1
        assert class_map(teacher, np.zeros((40, 80, 3), np.uint8))[20, 40] == front


def test_cats_and_photos_without_mask_get_one(everyday_archives, in_pseudo_labelled):
    masks = read_pseudo_masked()
    assert set(masks) == {"More_0", "More_1", "More_2", "2007_000001", "2007_000003"}
    assert (masks["2007_000003"] == 0).all()
    assert set(np.unique(masks["2007_000001"])) == {IGNORED, *range(1, 21)}  # outlines meet
    cats = read_masked_cats(everyday_archives)
    assert [cat.name for cat in cats] == ["More_0", "More_1", "More_2"]
    for cat in cats:
        assert set(np.unique(cat.mask)) == {0, 1, IGNORED}
        assert cat.pixels[cat.mask == 1].mean() > 200
        assert cat.pixels[cat.mask == 0].mean() < 80


def test_possible_dogs_among_the_cats_are_ignored(everyday_archives, tmp_path):
    levels = np.array([0, CAT, LABELS.index("dog") + 1, PERSON, IGNORED], np.uint8)
    Image.fromarray(np.resize(levels, (60, 80))).save(tmp_path / "More_1.png")
    (cat,) = read_masked_cats(everyday_archives, tmp_path)
    assert cat.mask[0, :5].tolist() == [0, 1, IGNORED, 0, IGNORED]


def test_cats_that_the_teacher_misses_are_left_out(everyday_archives, teacher, tmp_path, monkeypatch, capsys):
    teacher.confidences["cat"] = 0.3
    monkeypatch.setattr(pseudo_masks, "load_detector", lambda key, device: teacher)
    monkeypatch.setattr("sys.argv", ["pseudo_masks", "--data", str(everyday_archives), "--out", str(tmp_path)])
    pseudo_masks.main()
    assert "0 of 3 cats and 2 photos of Pascal VOC have a mask now." in capsys.readouterr().out
    assert set(read_pseudo_masked(tmp_path)) == {"2007_000001", "2007_000003"}


def test_without_masks_the_error_names_the_program_that_makes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run `python -m training\.pseudo_masks` first"):
        read_pseudo_masked(tmp_path)
