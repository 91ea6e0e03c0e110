"""The merged set of the bundled detector: its splits, its boxes, and the files that Ultralytics reads."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from training.data import assorted
from training.data.assorted import LABELS, pasted, read_assorted


def archive(path, files: dict[str, bytes | str]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            data = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def jpeg(width: int = 80, height: int = 60, level: int = 90) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), level, np.uint8)).save(file, "JPEG")
    return file.getvalue()


def table(*rows: tuple) -> str:
    return "\n".join(["file,xmin,ymin,xmax,ymax,label", *(",".join(map(str, row)) for row in rows)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small archives of every source."""
    folder = tmp_path_factory.mktemp("archives")
    caltech = {}
    for name in ("airplane", "face", "motorcycle"):
        files = [f"image_{number:04}.jpg" for number in range(1, 21)]
        caltech |= {f"caltech3/{name}/{file}": jpeg() for file in files}
        caltech[f"caltech3/{name}.csv"] = table(*((file, 10, 10, 50, 40, name) for file in files))
    archive(folder / "caltech3.tar.gz", caltech)
    pets = [f"Breed_{number:02}.jpg" for number in range(14)]
    rows = [(file, 5, 5, 30, 30, "cat" if i % 2 else "dog") for i, file in enumerate(pets)]
    images = {f"pets/images/{file}": jpeg(1280, 640) for file in [*pets, "Unlabelled_1.jpg"]}
    archive(folder / "pets.tar.gz", images | {"pets/head_boxes.csv": table(*rows)})
    raccoons = [f"raccoon-{number}.jpg" for number in (1, 2, 3, 100)]
    rows = [(file, 5, 5, 70, 50, "raccoon") for file in raccoons]
    archive(folder / "raccoon.tar.gz", {f"raccoon/{f}": jpeg() for f in raccoons} | {"raccoon/boxes.csv": table(*rows)})
    rows = [("a.jpg", 5, 5, 30, 30, "king"), ("a.jpg", 40, 5, 60, 900, "ace"), ("b.jpg", 9, 9, 9, 30, "nine")]
    archive(
        folder / "cards.tar.gz",
        {f"cards/train/{f}": jpeg() for f in ("a.jpg", "b.jpg")} | {"cards/train/boxes.csv": table(*rows)},
    )
    smears = {}
    for part in ("train", "val"):
        smears |= {
            f"bccd/{part}/{part}.jpg": jpeg(),
            f"bccd/{part}/boxes.csv": table((f"{part}.jpg", 1, 2, 30, 40, "RBC")),
        }
    archive(folder / "bccd.tar.gz", smears)
    archive(folder / "clothing.tar.gz", {f"clothing/dress/{i}.jpg": jpeg(level=200) for i in range(3)})
    archive(folder / "cifar10.tar.gz", {"train/cat/0001.jpg": jpeg(32, 32)})
    return folder


def test_every_source_is_split_and_nothing_is_on_both_sides(folder):
    training, validation = read_assorted(folder)
    names = [{photo.name for photo in part} for part in (training, validation)]
    assert not names[0] & names[1]
    assert {"face_0018", "face_0019", "face_0020", "Breed_00.jpg", "Breed_07.jpg", "val.jpg"} <= names[1]
    assert {"face_0017", "Breed_01.jpg", "train.jpg", "raccoon-1.jpg"} <= names[0]
    assert not {"raccoon-100.jpg", "Unlabelled_1.jpg"} & (names[0] | names[1])
    found = {LABELS[i] for photo in training + validation for i in photo.class_ids}
    assert {"face", "airplane", "motorcycle", "cat head", "dog head", "raccoon", "king", "ace", "red cell"} == found


def test_boxes_are_on_the_photo_and_shrink_with_it(folder):
    photos = {photo.name: photo for part in read_assorted(folder) for photo in part}
    assert photos["Breed_01.jpg"].pixels.shape == (320, assorted.LONGEST, 3)
    np.testing.assert_allclose(photos["Breed_01.jpg"].boxes, [[2.5, 2.5, 15, 15]])
    np.testing.assert_allclose(photos["a.jpg"].boxes[1], [40, 5, 60, 60])
    assert photos["b.jpg"].boxes.shape == (0, 4)  # a box without width is none


def test_single_objects_come_pasted_too(folder):
    training, _ = read_assorted(folder)
    made = pasted(training, folder)
    assert len(made) == sum(len(photo.boxes) == 1 for photo in training)
    for photo in made:
        assert photo.pixels.shape == (assorted.PASTED_SIDE, assorted.PASTED_SIDE, 3)
        assert (photo.boxes >= 0).all()
        assert (photo.boxes <= assorted.PASTED_SIDE).all()
        assert (photo.boxes[:, 2:] > photo.boxes[:, :2]).all()
