"""The localizer's training pictures: the box stays around the object wherever it goes, and nothing means nothing."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from cnn_demo.models import boxes as numpy_boxes
from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import LOCALIZER_SIDE, caltech_localizer, localizer_heads
from training.data import datasets, placement
from training.data.datasets import BoxedPhoto, read_backgrounds, read_caltech3
from training.data.placement import (
    NOTHING,
    Backgrounds,
    empty_picture,
    object_picture,
    pasted_picture,
    squashed_picture,
)
from training.localizer import SMALL_SIDE, side_in
from training.networks.localizer import Heads, LocalizerNetwork, as_tensor, from_keras, predict_in_batches, to_keras
from training.steps.checkpoints import restore, save
from training.steps.localizer import balanced, draw_batch, optimization, training_step
from training.steps.localizer_losses import box_losses

torch = frameworks.torch()
SIDE = 96
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


@pytest.fixture(scope="module")
def photo():
    """A red object on a blue photo."""
    pixels = np.full((180, 240, 3), BLUE, np.uint8)
    pixels[50:140, 60:190] = RED
    return BoxedPhoto(pixels, np.array([60, 50, 190, 140], np.float32), 1, "face/0001")


@pytest.fixture(scope="module")
def scenery():
    return Backgrounds([np.full((100, 150, 3), GREEN, np.uint8)], [np.full((32, 32, 3), GREEN, np.uint8)], SIDE)


def red_box(picture: np.ndarray) -> np.ndarray:
    """Return the corners of the reddest region, as fractions of the side."""
    red = (picture[..., 0] > 127) & (picture[..., 1] < 128) & (picture[..., 2] < 128)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / len(picture)


def test_the_box_moves_with_the_object(photo, scenery, monkeypatch):
    monkeypatch.setattr(placement, "recolour", lambda picture, rng: picture)
    monkeypatch.setattr(placement, "TINTED", 0)
    monkeypatch.setattr(placement, "random_canvas", lambda *_: np.full((SIDE, SIDE, 3), GREEN, np.uint8))
    sizes, centres = [], []
    for seed in range(150):
        picture, box = object_picture(photo, scenery, np.random.default_rng(seed))
        assert picture.shape == (SIDE, SIDE, 3)
        assert picture.dtype == np.uint8
        np.testing.assert_allclose(box, red_box(picture), atol=2.1 / SIDE)
        sizes.append((box[2:] - box[:2]).max())
        centres.append((box[:2] + box[2:]) / 2)
    assert min(sizes) < 0.3
    assert max(sizes) > 0.95
    assert np.ptp(centres, axis=0).min() > 0.6  # the set is centred, ours is not


def test_most_of_the_object_stays_visible(photo, monkeypatch):
    monkeypatch.setattr(placement, "IN_PLACE", 0)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        target = placement.random_target(photo.box, photo.box, rng)
        visible = np.clip(target, 0, 1)
        fraction = numpy_boxes.area(visible) / numpy_boxes.area(target)
        assert fraction > (1 - placement.CUT) ** 2 - 1e-9


def test_a_picture_of_nothing_shows_no_object(photo, scenery, monkeypatch):
    monkeypatch.setattr(placement, "recolour", lambda picture, rng: picture)
    monkeypatch.setattr(placement, "TINTED", 0)
    monkeypatch.setattr(placement, "random_canvas", lambda *_: np.full((SIDE, SIDE, 3), GREEN, np.uint8))
    blue = 0
    for seed in range(150):
        picture = empty_picture([photo], scenery, np.random.default_rng(seed))
        assert picture[..., 0].max() == 0
        blue += bool((picture[..., 2] == 255).any())
    assert 25 < blue < 80  # some show the surroundings of the object


def test_backgrounds_contain_their_sources_only(scenery):
    for seed in range(40):
        canvas = placement.random_canvas(scenery, np.random.default_rng(seed))
        assert canvas.shape == (SIDE, SIDE, 3)
        assert canvas.flags.writeable


def test_a_photo_without_room_beside_the_box_gives_none():
    full = BoxedPhoto(np.zeros((50, 50, 3), np.uint8), np.array([1, 1, 49, 49], np.float32), 0)
    assert placement.background_crop(full, np.random.default_rng(0)) is None


def test_pasted_and_squashed_photos_keep_their_boxes(photo):
    picture, box = squashed_picture(photo, SIDE)
    np.testing.assert_allclose(box, red_box(picture), atol=1 / SIDE)
    for seed in range(30):
        background = np.full((70, 90, 3), GREEN, np.uint8)
        picture, box = pasted_picture(photo, background, SIDE, np.random.default_rng(seed))
        np.testing.assert_allclose(box, red_box(picture), atol=2.1 / SIDE)
        width = (box[2] - box[0]) * 240 / 130
        assert 0.34 < width < 0.91
        blue = (picture == BLUE).all(axis=2)
        assert blue[:, 0].sum() + blue[0].sum() < 2 * SIDE  # the whole photo is on the picture


def test_an_epoch_is_balanced(photo, scenery):
    photos = [BoxedPhoto(photo.pixels, photo.box, label) for label in (0, 0, 0, 0, 0, 1, 1, 2)]
    order = balanced(photos, np.random.default_rng(0))
    assert len(order) == 20
    assert set(order) == {-1, *range(8)}
    pictures, labels, boxes = draw_batch(order, photos, scenery, np.random.default_rng(0))
    assert np.bincount(labels).tolist() == [5, 5, 5, 5]
    assert pictures.shape == (20, SIDE, SIDE, 3)
    assert not boxes[labels == NOTHING].any()
    assert (boxes[labels != NOTHING, 2:] > boxes[labels != NOTHING, :2]).all()


def test_the_loss_is_that_of_the_boxes_module():
    draw = np.random.default_rng(0)
    corners = np.sort(draw.random((2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype(np.float32)
    box, truth = corners
    votes = np.broadcast_to(box[:, None, None], (3, 4, 4, 4))
    with_box = np.array([1, 1, 0], np.float32)
    parts = box_losses(*(torch.tensor(value) for value in (box, votes, truth, with_box)))
    giou = 1 - numpy_boxes.giou(box, truth)
    assert float(parts["giou"]) == pytest.approx(giou[:2].mean(), abs=1e-4)
    straight = numpy_boxes.smooth_l1(box - truth.astype(np.float64)).sum(axis=1)
    assert float(parts["smooth_l1"]) == pytest.approx(straight[:2].mean(), abs=1e-4)
    centres = (np.arange(4) + 0.5) / 4
    inside = [
        ((centres > b[0]) & (centres < b[2])).any() and ((centres > b[1]) & (centres < b[3])).any() for b in truth
    ]
    assert float(parts["votes"]) == pytest.approx((giou * inside)[:2].mean(), abs=1e-4)


def test_cells_of_other_objects_learn_those():
    truth = torch.tensor([[0.0, 0.0, 0.5, 1.0]])
    others = torch.tensor([[[0.25, 0.0, 1.0, 0.5], [0.75, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]])
    left, upper, right = truth[0], others[0, 0], others[0, 1]
    votes = torch.stack([torch.stack([left, left, upper, upper])] * 2 + [torch.stack([left, left, left, right])] * 2)
    with_box = torch.ones(1)
    exact = box_losses(truth, votes[None], truth, with_box, others)
    assert float(exact["votes"]) == pytest.approx(0, abs=1e-5)  # the one cell in no box has no target
    alone = box_losses(truth, votes[None], truth, with_box)
    assert float(alone["votes"]) == pytest.approx(0, abs=1e-5)
    votes[0, 2] = left
    wrong = box_losses(truth, votes[None], truth, with_box, others)
    missed = 1 - numpy_boxes.giou(left.numpy(), upper.numpy())
    assert float(wrong["votes"]) == pytest.approx(missed / 14, abs=1e-4)
    assert float(box_losses(truth, votes[None], truth, with_box)["votes"]) == pytest.approx(0, abs=1e-5)


def test_without_any_box_there_is_no_box_loss():
    zeros = torch.zeros((2, 4))
    parts = box_losses(zeros, torch.zeros((2, 3, 3, 4)), zeros, torch.zeros(2))
    assert all(float(part) == 0 for part in parts.values())


def network_by_chance(module):
    """Give a torch network weights and running means as if it had been trained."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif tensor.dtype == torch.float32:
            tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.1)
    return module


def test_the_torch_network_becomes_the_keras_network():
    trained, deployed = network_by_chance(LocalizerNetwork()), caltech_localizer()
    to_keras(trained, deployed)
    inputs = np.random.default_rng(0).uniform(-1, 1, (3, LOCALIZER_SIDE, LOCALIZER_SIDE, 3)).astype(np.float32)
    logits, boxes = predict_in_batches(trained, inputs)
    outputs = deployed(inputs, training=False)
    assert np.ptp(boxes) > 0.1
    np.testing.assert_allclose(np.asarray(outputs["logits"]), logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.asarray(outputs["box"]), boxes, atol=1e-4)
    counted = sum(parameter.numel() for parameter in trained.parameters())
    assert deployed.count_params() < counted < 3_000_000


def test_the_keras_network_becomes_a_torch_network_that_can_learn_on():
    """The outputs are the same, and the normalizations have the right statistics."""
    deployed, trained = caltech_localizer(), LocalizerNetwork()
    to_keras(network_by_chance(LocalizerNetwork()), deployed)
    pictures = np.random.default_rng(0).uniform(-1, 1, (6, 64, 64, 3)).astype(np.float32)
    from_keras(deployed, trained, as_tensor(pictures, "cpu"))
    assert trained.training
    inputs = np.random.default_rng(1).uniform(-1, 1, (3, LOCALIZER_SIDE, LOCALIZER_SIDE, 3)).astype(np.float32)
    logits, boxes = predict_in_batches(trained, inputs)
    outputs = deployed(inputs, training=False)
    np.testing.assert_allclose(logits, np.asarray(outputs["logits"]), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(boxes, np.asarray(outputs["box"]), atol=1e-4)
    stem = trained.trunk.stem
    seen = stem.conv(torch.nn.functional.pad(as_tensor(pictures, "cpu"), stem.padding))
    torch.testing.assert_close(stem.norm.running_mean, seen.mean((0, 2, 3)), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(stem.norm.running_var, seen.var((0, 2, 3)), atol=1e-3, rtol=1e-3)
    fresh = LocalizerNetwork().trunk.stem.conv.weight.std()
    assert float((stem.conv.weight.std() / fresh).detach()) == pytest.approx(1, abs=0.2)


def test_heads_become_heads():
    keras = frameworks.keras()
    inputs = keras.Input((8, 8, 12))
    deployed, trained = keras.Model(inputs, localizer_heads(inputs)), network_by_chance(Heads(12))
    to_keras(trained, deployed)
    maps = np.random.default_rng(0).normal(0, 1, (2, 8, 8, 12)).astype(np.float32)
    logits, boxes = predict_in_batches(trained, maps)
    outputs = deployed(maps, training=False)
    np.testing.assert_allclose(np.asarray(outputs["logits"]), logits, atol=1e-4)
    np.testing.assert_allclose(np.asarray(outputs["box"]), boxes, atol=1e-4)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_it_learns_one_picture_by_heart(bfloat16):
    torch.manual_seed(0)
    network = LocalizerNetwork()
    optimizer, schedule = optimization(network, 40)
    step = training_step(network, optimizer, schedule, "cpu", bfloat16=bfloat16)
    draw = np.random.default_rng(0)
    inputs = draw.uniform(-1, 1, (4, 64, 64, 3)).astype(np.float32)
    labels = np.array([0, 1, 2, 3], np.int32)
    boxes = np.array([[0.1, 0.1, 0.5, 0.4], [0.5, 0.2, 0.9, 0.9], [0.3, 0.5, 0.7, 0.8], [0, 0, 0, 0]], np.float32)
    losses = [step(inputs, labels, boxes)["loss"] for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]
    assert schedule.get_last_lr()[0] < 0.01 * max(group["initial_lr"] for group in optimizer.param_groups)


def test_pictures_grow_once_and_end_at_the_size_that_the_app_uses():
    sides = [side_in(epoch, 20) for epoch in range(20)]
    assert sides == [SMALL_SIDE] * 8 + [LOCALIZER_SIDE] * 12


def test_a_checkpoint_restores_everything(tmp_path):
    layer = torch.nn.Linear(2, 3)
    optimizer, schedule = optimization(layer, 10)
    states = {"network": layer, "optimizer": optimizer, "schedule": schedule}
    assert restore(tmp_path, states) == []
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule.step()
    before, rate = layer.weight.detach().clone(), schedule.get_last_lr()
    save(tmp_path, states, [{"loss": 0.5}])
    fresh = torch.nn.Linear(2, 3)
    again, its_schedule = optimization(fresh, 10)
    assert restore(tmp_path, {"network": fresh, "optimizer": again, "schedule": its_schedule}) == [{"loss": 0.5}]
    assert torch.equal(fresh.weight, before)
    assert its_schedule.get_last_lr() == rate
    assert len(again.state) == len(optimizer.state)


def archive(path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def picture(width: int, height: int, level: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), level, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def test_the_last_of_each_class_are_held_back_and_boxes_shrink_with_photos(tmp_path):
    files = {}
    for name in ("airplane", "face", "motorcycle"):
        rows = ["file,xmin,ymin,xmax,ymax,label"]
        for number in range(1, 21):
            files[f"caltech3/{name}/image_{number:04}.jpg"] = picture(640, 320, number * 10)
            rows.append(f"image_{number:04}.jpg,64,32,700,288,{name}")  # one side is outside
        files[f"caltech3/{name}.csv"] = "\n".join(rows).encode()
    archive(tmp_path / "caltech3.tar.gz", files)
    training, validation = read_caltech3(tmp_path)
    assert [photo.label for photo in validation] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [photo.name for photo in validation[:3]] == ["airplane/0018", "airplane/0019", "airplane/0020"]
    assert len(training) == 51
    assert {photo.name for photo in training}.isdisjoint(photo.name for photo in validation)
    for number, photo in enumerate(training[:17], 1):
        assert photo.pixels.shape == (160, datasets.LONGEST, 3)
        assert abs(int(photo.pixels[80, 100, 0]) - number * 10) <= 1
        np.testing.assert_allclose(photo.box, [32, 16, 320, 144])


def test_photos_with_people_are_left_out_of_the_backgrounds(tmp_path):
    for name, part in datasets.BACKGROUNDS.items():
        files = {f"{part}{number:02}.jpg": picture(20, 20, number) for number in range(20)}
        archive(tmp_path / f"{name}.tar.gz", files | {f"{part}raccoon-25.jpg": picture(20, 20, 255)})
    training, validation = read_backgrounds(tmp_path)
    assert len(training) == 17 * len(datasets.BACKGROUNDS)
    assert len(validation) == 3 * len(datasets.BACKGROUNDS)
    assert max(pixels.max() for pixels in training + validation) < 100
    assert {int(np.median(pixels)) for pixels in validation} <= {16, 17, 18, 19, 20}


def test_distractors_are_beside_the_object_and_never_on_it(scenery):
    box = np.array([0.4, 0.3, 0.8, 0.7], np.float32)
    covered = 0
    for seed in range(60):
        canvas = np.full((SIDE, SIDE, 3), BLUE, np.uint8)
        placement.clutter(canvas, box, scenery, np.random.default_rng(seed))
        other = (canvas == GREEN).all(axis=2)
        covered += bool(other.any())
        left, top, right, bottom = np.round(box * SIDE).astype(int)
        assert other[top:bottom, left:right].mean() <= 3 * placement.MAX_HIDDEN + 0.02  # and rounding
    assert covered > 50


def test_without_room_beside_the_object_nothing_is_pasted(scenery):
    canvas = np.full((SIDE, SIDE, 3), BLUE, np.uint8)
    placement.clutter(canvas, np.array([0, 0, 1, 1], np.float32), scenery, np.random.default_rng(0))
    assert (canvas == GREEN).all(axis=2).mean() < 0.1


def test_hues_turn_around_the_whole_circle_without_a_break(monkeypatch):
    """Neighbouring hues stay neighbours, wherever the circle of hues begins, and greys stay grey."""
    monkeypatch.setattr(placement, "TINTED", 1.0)
    ramp = np.stack([np.arange(180), np.full(180, 200), np.full(180, 230)], axis=-1)[None].astype(np.uint8)
    colours = placement.cv2.cvtColor(ramp, placement.cv2.COLOR_HSV2RGB)
    grey = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    changed = set()
    for seed in range(30):
        turned = placement.tint(colours, np.random.default_rng(seed)).astype(int)
        assert np.abs(np.diff(turned, axis=1)).max() < 40
        changed.add(turned[0, 0].tobytes())
        assert np.ptp(placement.tint(grey, np.random.default_rng(seed)), axis=2).max() == 0
    assert len(changed) > 20


def test_clutter_may_be_at_any_border(photo, scenery):
    for seed in range(400):
        picture, box = object_picture(photo, scenery, np.random.default_rng(seed))
        assert picture.shape == (SIDE, SIDE, 3)
        assert (box >= 0).all()
        assert (box <= 1).all()
