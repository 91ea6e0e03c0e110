"""The everyday photos: two sets with one naming of the classes, splits that never mix, and boxes from a teacher."""

import numpy as np
import pytest

from cnn_demo.models.catalogue.coco_detectors import COCO_LABELS
from cnn_demo.models.segmentation.metrics import IGNORED
from training.data.everyday import LABELS, read_coco, read_unlabelled, read_voc, voc_label
from training.data.masks import read_pets
from training.pseudo_labels import read_pseudo_labelled


def names(photos) -> list[str]:
    return [photo.name for photo in photos]


def test_every_class_of_pascal_voc_has_its_name_in_coco():
    assert {voc_label(name) for name in COCO_LABELS} == {*LABELS, None}
    assert sum(voc_label(name) is not None for name in COCO_LABELS) == 20
    assert voc_label("couch") == voc_label("sofa") == "couch"
    assert voc_label("zebra") is None


def test_validation_photos_are_those_of_the_archive(everyday_archives):
    training, validation = read_voc(everyday_archives)
    assert names(training) == [f"2007_00000{number}.jpg" for number in (1, 2, 3, 4)]
    assert names(validation) == ["2008_000001.jpg", "2008_000002.jpg"]
    training, validation = read_coco(everyday_archives)
    assert names(training) == ["000000000001.jpg", "000000000003.jpg"]
    assert names(validation) == ["000000000002.jpg"]


def test_boxes_and_masks_are_on_their_objects(everyday_archives):
    photos = read_voc(everyday_archives)[0]
    assert photos[0].class_ids.tolist() == list(range(20))
    assert photos[0].difficult.tolist() == [label == "sheep" for label in LABELS]
    assert photos[0].mask is None
    assert photos[2].boxes.shape == (0, 4)
    for photo in photos:
        for box, class_id in zip(photo.boxes.astype(int), photo.class_ids, strict=True):
            inside = np.s_[box[1] : box[3], box[0] : box[2]]
            assert len(np.unique(photo.pixels[inside].reshape(-1, 3), axis=0)) == 1
            assert photo.mask is None or (photo.mask[inside] == class_id + 1).all()
    assert photos[3].mask[1, 1] == IGNORED


def test_cocos_classes_are_renamed_and_others_are_background(everyday_archives):
    photo, zebra = read_coco(everyday_archives)[0]
    assert [LABELS[i] for i in photo.class_ids] == ["couch", "tv", "person"]
    assert set(np.unique(photo.mask)) == {0, IGNORED, *(photo.class_ids + 1)}
    for box, class_id in zip(photo.boxes.astype(int), photo.class_ids, strict=True):
        assert (photo.mask[box[1] : box[3], box[0] : box[2]] == class_id + 1).all()
    assert (photo.mask[3:13, 35:45] == 0).all()  # where the zebra is
    assert len(zebra.boxes) == 0


def test_no_held_back_photo_gets_pseudo_labels(everyday_archives):
    found = read_unlabelled(everyday_archives)
    held_back = {f"pets/images/{photo.name}.jpg" for photo in read_pets(everyday_archives)[1]}
    assert held_back == {"pets/images/Breed_00.jpg", "pets/images/Breed_07.jpg"}
    pets = {f"pets/images/Breed_{number:02}.jpg" for number in range(14)} - held_back
    cats = {f"pets/more_cats/More_{number}.jpg" for number in range(3)}
    caltech = {f"{name}/{number:04}" for name in ("airplane", "face", "motorcycle") for number in range(1, 7)}
    assert set(found) == pets | cats | caltech | {"1_1_s.jpg", "1_2_s.jpg", "0001.jpg"}


def test_the_teachers_boxes_are_learned_from(everyday_archives, in_pseudo_labelled):
    photos = {photo.name: photo for photo in read_pseudo_labelled(everyday_archives)}
    assert set(photos) == set(read_unlabelled(everyday_archives))
    assert [LABELS[i] for i in photos["0001.jpg"].class_ids] == ["person"]
    np.testing.assert_array_equal(photos["0001.jpg"].boxes, [[2, 2, 14, 14]])
    assert [LABELS[i] for i in photos["pets/images/Breed_01.jpg"].class_ids] == ["cat"]
    assert len(photos["1_2_s.jpg"].boxes) == 0


def test_without_boxes_the_error_names_the_program_that_makes_them(everyday_archives, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run `python -m training\.pseudo_labels` first"):
        read_pseudo_labelled(everyday_archives, tmp_path)
    with pytest.raises(FileNotFoundError, match="voc_train"):
        read_voc(tmp_path)
