"""The masks of the everyday instance segmenter: its photos, the pseudo-masks, the loss, and a run of an epoch."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv
from safetensors.torch import load_file

from cnn_demo.models import frameworks
from cnn_demo.models.detection.everyday_network import everyday_detector
from cnn_demo.models.segmentation.metrics import IGNORED
from training import everyday_instances
from training.data.everyday import LABELS, EverydayPhoto
from training.data.instances import (
    InstancePhoto,
    drawn,
    instance_view,
    read_coco_instances,
    read_pet_instances,
    read_voc_instances,
    truth_of,
)
from training.everyday_instances import InstancePool, mask_loss, new_network
from training.pseudo_masks import INSTANCES, OUT, instance_map

torch = frameworks.torch()


def test_the_archives_instances_are_numbered_as_their_boxes(everyday_archives):
    training, validation = read_voc_instances(everyday_archives)
    assert training
    assert validation
    for photo in training + validation:
        masks, class_ids = truth_of(photo)
        assert class_ids.tolist() == photo.class_ids.tolist()
        assert [int(mask.sum()) for mask in masks] == [144] * len(class_ids)  # squares of 12 pixels
        assert (photo.instances == IGNORED).any() == bool(len(class_ids))


def test_pseudo_masks_are_for_training_photos_without_masks(everyday_archives, in_pseudo_labelled):
    own, held_back = read_voc_instances(everyday_archives)
    more, again = read_voc_instances(everyday_archives, OUT / INSTANCES)
    assert [photo.name for photo in again] == [photo.name for photo in held_back]
    added = {photo.name for photo in more} - {photo.name for photo in own}
    assert added == {f"{path.stem}.jpg" for path in (OUT / INSTANCES).glob("*.png")}
    assert not added & {photo.name for photo in held_back}


def test_a_box_without_an_agreeing_instance_is_ignored(teacher):
    pixels = np.full((40, 60, 3), 128, np.uint8)
    boxes = np.array([[4, 4, 24, 24], [30, 4, 50, 24]], np.float32)
    cat, dog = (LABELS.index(name) for name in ("cat", "dog"))
    truth = EverydayPhoto(pixels, boxes, np.array([dog, cat]), "two")
    mask = np.zeros((1, 40, 60), bool)
    mask[0, 5:24, 30:50] = True
    found = sv.Detections(np.array([[30.0, 5, 50, 24]]), mask, data={"class_name": np.array(["cat"])})
    numbers = instance_map(SimpleNamespace(spec=teacher.spec, predict=lambda *_, **__: found), truth)
    assert (numbers[mask[0]] == 2).all()
    assert (numbers[4:25, 4:25] == IGNORED).all()
    assert set(np.unique(numbers)) == {0, 2, IGNORED}


def test_a_small_object_stays_visible_before_a_large_one():
    large, small = [0, 0, 39, 0, 39, 39, 0, 39], [10, 10, 19, 10, 19, 19, 10, 19]
    objects = [{"label": "cat", "polygons": [small]}, {"label": "zebra", "polygons": [large]}]
    objects += [{"label": "couch", "polygons": [large]}]
    photo = drawn(np.zeros((20, 20, 3), np.uint8), objects, 0.5, "two")
    assert [LABELS[index] for index in photo.class_ids] == ["cat", "couch"]  # no zebra in Pascal VOC
    assert photo.instances[7, 7] == 1
    assert photo.instances[2, 2] == 2
    assert (photo.instances > 0).all()


def test_polygons_of_coco_and_trimaps_of_pets_become_instances(everyday_archives):
    for photo in read_coco_instances(everyday_archives):
        masks, class_ids = truth_of(photo)
        assert [int(mask.sum()) for mask in masks] == [144] * len(class_ids)
    pets = read_pet_instances(everyday_archives)
    assert {int(pet.class_ids[0]) for pet in pets} <= {LABELS.index("cat"), LABELS.index("dog")}
    assert all(len(truth_of(pet)[0]) == 1 for pet in pets)


def test_a_view_renumbers_the_visible_objects(monkeypatch):
    instances = np.zeros((60, 60), np.uint8)
    instances[0:4, 0:4], instances[10:30, 5:25], instances[40:55, 30:50] = 1, 2, 3  # the first has 16 pixels
    instances[30, 5:25] = IGNORED
    photo = InstancePhoto(np.zeros((60, 60, 3), np.uint8), instances, np.array([7, 8, 9]), "three")
    monkeypatch.setattr("training.data.instances.view", lambda masked, *_, **__: (masked.pixels, masked.mask))
    _, numbered, boxes, class_ids = instance_view(photo, 60, np.random.default_rng(0))
    assert class_ids.tolist() == [8, 9]
    assert boxes.tolist() == [[5, 10, 25, 30], [30, 40, 50, 55]]
    assert (numbered[10:30, 5:25] == 1).all()
    assert (numbered[30, 5:25] == IGNORED).all()
    assert (numbered[0:4, 0:4] == 0).all()


def test_rare_classes_are_drawn_as_often():
    photos = [SimpleNamespace(class_ids=np.array([14]), name="person")] * 98
    photos += [SimpleNamespace(class_ids=np.array([3]), name="boat")] * 2
    rng = np.random.default_rng(0)
    boats = sum(InstancePool(photos).draw(rng).name == "boat" for _ in range(400))
    assert boats / 400 == pytest.approx(0.5 * 0.02 + 0.5 * 0.5, abs=0.06)


@pytest.fixture
def one_object():
    """A network, and a batch of one picture of a square object, whose cells are predicted by its detector."""
    torch.manual_seed(0)
    network = new_network()
    instances = np.zeros((96, 96), np.uint8)
    instances[24:72, 24:72] = 1
    masks = torch.from_numpy(instances[2::4, 2::4])[None]
    pictures = torch.rand(1, 3, 96, 96)
    batch = {
        "img": pictures,
        "cls": torch.zeros(1),
        "bboxes": torch.tensor([[0.5, 0.5, 0.5, 0.5]]),
        "batch_idx": torch.zeros(1),
        "masks": masks,
    }
    with torch.no_grad():
        batch["outputs"] = everyday_instances.FrozenDetector(network)(pictures)
    return network, batch


def constant_masks(network, logit: float) -> None:
    """Make every mask logit the same: one prototype of ones, whose coefficient is the logit."""
    with torch.no_grad():
        for layer in (network.head.proto.last.conv, *(part[-1] for part in network.head.cv4)):
            layer.weight.zero_()
        norm = network.head.proto.last.bn
        norm.weight.zero_()
        norm.bias.zero_()
        norm.bias[0] = 1.2785  # SiLU(1.2785) is 1
        for part in network.head.cv4:
            part[-1].bias.zero_()
            part[-1].bias[0] = logit


@pytest.mark.parametrize(("logit", "loss"), [(0.0, np.log(2)), (8.0, np.log1p(np.exp(-8))), (-8.0, 8.0)])
def test_the_loss_is_the_cross_entropy_inside_the_box(one_object, logit, loss):
    network, batch = one_object
    constant_masks(network, logit)
    assert float(mask_loss(network.eval(), batch).detach()) == pytest.approx(loss, rel=0.01, abs=1e-3)


def test_unknown_pixels_do_not_count(one_object):
    network, batch = one_object
    constant_masks(network, 8.0)
    batch["masks"][0, 6:12, 6:18] = 0  # half of the object is missing: wrong there
    assert float(mask_loss(network.eval(), batch).detach()) == pytest.approx(4.0, rel=0.02)
    batch["masks"][0, 6:12, 6:18] = IGNORED
    assert float(mask_loss(network.eval(), batch).detach()) < 0.01


def test_a_picture_without_objects_has_no_loss(one_object):
    network, batch = one_object
    nothing = {"cls": torch.zeros(0), "bboxes": torch.zeros(0, 4), "batch_idx": torch.zeros(0)}
    loss = mask_loss(network.train(), batch | nothing)
    loss.backward()
    assert float(loss.detach()) == 0


def test_only_the_mask_layers_are_trained(
    everyday_archives, in_pseudo_labelled, training_options, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(everyday_instances, "RECIPE", replace(everyday_instances.RECIPE, small_side=64))
    options = training_options(everyday_archives, tmp_path / "run", side=64)
    history = everyday_instances.run(options)
    assert "photos to learn from" in capsys.readouterr().out
    assert np.isfinite(history[0]["loss"])
    assert 0 <= history[0]["mask_map50"] <= 1
    trained = load_file(tmp_path / "run" / "bundle" / "everyday_instances.safetensors")
    detector = load_file(Path(everyday_instances.find("everyday_detector").weights_file().path))
    for name, values in detector.items():
        assert torch.equal(trained[name], values), name
    untrained = new_network().state_dict()
    changed = [name for name in trained if name not in detector]
    assert changed
    assert all(name.startswith(("head.proto.", "head.cv4.")) for name in changed)
    assert any(not torch.allclose(trained[name].float(), untrained[name].float(), atol=1e-3) for name in changed)
    everyday_detector(LABELS, with_masks=True).load_state_dict(trained)
