"""The localizer's training pictures: the box stays around the object wherever it goes, and nothing means nothing."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from cnn_demo.models import boxes as numpy_boxes
from cnn_demo.models import frameworks
from training import datasets, placement
from training.datasets import BoxedPhoto, read_backgrounds, read_caltech3
from training.localizer import balanced, draw_batch, restore, save
from training.localizer_losses import box_losses
from training.placement import NOTHING, Scenery, empty_picture, object_picture, pasted_picture, squashed_picture

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
    return Scenery([np.full((100, 150, 3), GREEN, np.uint8)], [np.full((32, 32, 3), GREEN, np.uint8)], SIDE)


def red_box(picture: np.ndarray) -> np.ndarray:
    """Return the corners, as shares of the side, of what is more red than anything else."""
    red = (picture[..., 0] > 127) & (picture[..., 1] < 128) & (picture[..., 2] < 128)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / len(picture)


def test_the_box_goes_with_the_object(photo, scenery, monkeypatch):
    monkeypatch.setattr(placement, "recolour", lambda picture, rng: picture)
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
        place = placement.random_place(photo.box, photo.box, rng)
        visible = np.clip(place, 0, 1)
        share = numpy_boxes.area(visible) / numpy_boxes.area(place)
        assert share > (1 - placement.CUT) ** 2 - 1e-9


def test_a_picture_of_nothing_shows_no_object(photo, scenery, monkeypatch):
    monkeypatch.setattr(placement, "recolour", lambda picture, rng: picture)
    monkeypatch.setattr(placement, "random_canvas", lambda *_: np.full((SIDE, SIDE, 3), GREEN, np.uint8))
    blue = 0
    for seed in range(150):
        picture = empty_picture([photo], scenery, np.random.default_rng(seed))
        assert picture[..., 0].max() == 0
        blue += bool((picture[..., 2] == 255).any())
    assert 25 < blue < 80  # some show what lies beside the object


def test_backgrounds_hold_only_what_they_are_made_of(scenery):
    for seed in range(40):
        canvas = placement.random_canvas(scenery, np.random.default_rng(seed))
        assert canvas.shape == (SIDE, SIDE, 3)
        assert canvas.flags.writeable


def test_a_photo_without_room_beside_the_box_gives_none():
    full = BoxedPhoto(np.zeros((50, 50, 3), np.uint8), np.array([1, 1, 49, 49], np.float32), 0)
    assert placement.beside(full, np.random.default_rng(0)) is None


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
        assert blue[:, 0].sum() + blue[0].sum() < 2 * SIDE  # the whole photo lies on the picture


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
    tf = frameworks.tensorflow()
    draw = np.random.default_rng(0)
    corners = np.sort(draw.random((2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype(np.float32)
    box, truth = corners
    votes = np.broadcast_to(box[:, None, None], (3, 4, 4, 4))
    with_box = np.array([1, 1, 0], np.float32)
    parts = box_losses(*(tf.constant(value) for value in (box, votes, truth, with_box)))
    giou = 1 - numpy_boxes.giou(box, truth)
    assert float(parts["giou"]) == pytest.approx(giou[:2].mean(), abs=1e-4)
    straight = numpy_boxes.smooth_l1(box - truth.astype(np.float64)).sum(axis=1)
    assert float(parts["smooth_l1"]) == pytest.approx(straight[:2].mean(), abs=1e-4)
    places = (np.arange(4) + 0.5) / 4
    inside = [((places > b[0]) & (places < b[2])).any() and ((places > b[1]) & (places < b[3])).any() for b in truth]
    assert float(parts["votes"]) == pytest.approx((giou * inside)[:2].mean(), abs=1e-4)


def test_without_any_box_there_is_no_box_loss():
    tf = frameworks.tensorflow()
    zeros = tf.zeros((2, 4))
    parts = box_losses(zeros, tf.zeros((2, 3, 3, 4)), zeros, tf.zeros(2))
    assert all(float(part) == 0 for part in parts.values())


def test_a_checkpoint_brings_everything_back(tmp_path):
    keras = frameworks.keras()
    variables = [keras.Variable(np.full((2, 3), 1.5, np.float32)), keras.Variable(np.array(7, np.int64))]
    assert restore(tmp_path, variables) == []
    save(tmp_path, variables, [{"loss": 0.5}])
    for variable in variables:
        variable.assign(variable * 0)
    assert restore(tmp_path, variables) == [{"loss": 0.5}]
    assert float(variables[0][1, 2]) == 1.5
    assert int(variables[1]) == 7


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
            rows.append(f"image_{number:04}.jpg,64,32,700,288,{name}")  # one side lies outside
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
