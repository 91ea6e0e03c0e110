"""Small archives as the training programs read them, and a teacher that recognizes classes by their colours."""

import argparse
import io
import json
import tarfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from cnn_demo.models.catalogue.coco_detectors import COCO_LABELS
from training import pseudo_labels, pseudo_masks
from training.data.everyday import LABELS, voc_label

BREEDS, UNMASKED = 14, 3
STREETS = {"train": 3, "val": 2}


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_streets(folder: Path) -> None:
    """Streets 96 × 72: sky above, road below, a pole, and an unlabelled strip."""
    files = {}
    for part, count in STREETS.items():
        for number in range(count):
            mask = np.zeros((72, 96), np.uint8)
            mask[40:], mask[20:60, 30 + number : 33 + number], mask[:, 90:] = 3, 2, 11
            pixels = np.array([(200, 220, 255), (0, 0, 0), (60, 60, 20), (90, 90, 90)], np.uint8)[mask % 11]
            files[f"camvid/{part}/{part}_{number}.jpg"] = encoded(pixels, "JPEG")
            files[f"camvid/{part}annot/{part}_{number}.png"] = encoded(mask, "PNG")
    write_archive(folder / "camvid.tar.gz", files)


def write_pets(folder: Path) -> None:
    """Pets on green photos 80 × 60, bright cats and dark dogs, each with a border of 4 pixels; three cats have none."""
    files, rows = {}, ["name,species"]
    for number in range(BREEDS):
        name, species = f"Breed_{number:02}", "cat" if number % 2 else "dog"
        trimap = np.full((60, 80), 2, np.uint8)
        trimap[14:46, 20 + number : 54 + number] = 3
        trimap[18:42, 24 + number : 50 + number] = 1
        pixels = np.full((60, 80, 3), (20, 160, 20), np.uint8)
        pixels[16:44, 22 + number : 52 + number] = 240 if species == "cat" else 40
        files[f"pets/images/{name}.jpg"] = encoded(pixels, "JPEG")
        files[f"pets/trimaps/{name}.png"] = encoded(trimap, "PNG")
        rows.append(f"{name},{species}")
    for number in range(UNMASKED):
        pixels = np.full((60, 80, 3), (20, 160, 20), np.uint8)
        pixels[10:50, 20 + 10 * number : 50 + 10 * number] = 240
        files[f"pets/more_cats/More_{number}.jpg"] = encoded(pixels, "JPEG")
    write_archive(folder / "pets.tar.gz", files | {"pets/species.csv": "\n".join(rows).encode()})


def write_backgrounds(folder: Path) -> None:
    """Blue photos instead of clothes, cards, blood and raccoons."""
    blue = encoded(np.full((50, 70, 3), (20, 20, 200), np.uint8), "JPEG")
    parts = {"clothing": "clothing/", "cards": "cards/train/", "bccd": "bccd/train/", "raccoon": "raccoon/"}
    for name, part in parts.items():
        write_archive(folder / f"{name}.tar.gz", {f"{part}{number}.jpg": blue for number in range(8)})


BRIGHT, DARK, GREY = (240,) * 3, (40,) * 3, (100,) * 3  # cats and dogs are as in the archive of pets
COLOURS = dict(zip(LABELS, [c for c in product((0, 128, 255), repeat=3) if len(set(c)) > 1], strict=False))
COLOURS |= {"cat": BRIGHT, "dog": DARK}
CELL = 16  # pixels that an object of `painted` has around it, across and down
NAMES_IN_VOC = {  # names of classes that Pascal VOC's files spell otherwise
    "airplane": "aeroplane",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "couch": "sofa",
    "tv": "tvmonitor",
}
VOC_NAMES = tuple(NAMES_IN_VOC.get(label, label) for label in LABELS)
PHOTOS = {  # of Pascal VOC: split, whether there is a mask, classes
    "2007_000001": ("trainval", False, VOC_NAMES),
    "2007_000002": ("train", True, ("cat", "person")),
    "2007_000003": ("trainval", False, ()),
    "2007_000004": ("trainval", True, VOC_NAMES),
    "2008_000001": ("val", True, VOC_NAMES),
    "2008_000002": ("val", True, ("person", "sheep")),
}
COCO_PHOTOS = {  # the last one has no mask
    "000000000001": ("train", True, ("couch", "tv", "zebra", "person")),
    "000000000002": ("val", True, ("dining table",)),
    "000000000003": ("train", False, ("zebra",)),
}


def painted(names: tuple[str, ...], ids: dict[str, int]) -> tuple[np.ndarray, np.ndarray, list[tuple]]:
    """Paint a photo 80 × 64 with a coloured square for each object, one in each cell.

    Returns:
        The photo, the mask with the ids of the classes and a ring of 255 around each object, and the boxes.
    """
    pixels, mask, boxes = np.full((64, 80, 3), GREY, np.uint8), np.zeros((64, 80), np.uint8), []
    for number, name in enumerate(names):
        top, left = (CELL * index for index in divmod(number, 5))
        box = (left + 2, top + 2, left + 14, top + 14)
        mask[box[1] - 1 : box[3] + 1, box[0] - 1 : box[2] + 1] = 255
        mask[box[1] : box[3], box[0] : box[2]] = ids.get(name, 0)
        pixels[box[1] : box[3], box[0] : box[2]] = COLOURS.get(voc_label(name), (60, 60, 200))
        boxes.append(box)
    return pixels, mask, boxes


def numbered(mask: np.ndarray, boxes: list[tuple]) -> np.ndarray:
    """Return k for the pixels of the k-th box, and 255 where the mask has it."""
    instances = np.where(mask == 255, 255, 0).astype(np.uint8)
    for number, (left, top, right, bottom) in enumerate(boxes, 1):
        instances[top:bottom, left:right] = number
    return instances


def write_painted(folder: Path, archive: str, root: str, classes: tuple[str, ...], photos: dict[str, tuple]) -> None:
    """Write photos with boxes and masks as `voc_train` has them; PNGs keep their colours. Some sheep are difficult."""
    ids = {name: number for number, name in enumerate(classes)}
    boxes, table, files = ["file,split,label,xmin,ymin,xmax,ymax,difficult"], ["file,split,width,height,mask"], {}
    polygons: dict[str, list[dict]] = {}
    for name, (split, has_mask, names) in photos.items():
        pixels, mask, corners = painted(names, ids)
        files[f"{root}/images/{name}.jpg"] = encoded(pixels, "PNG")
        if has_mask:
            files[f"{root}/masks/{name}.png"] = encoded(mask, "PNG")
            files[f"{root}/instances/{name}.png"] = encoded(numbered(mask, corners), "PNG")
        outlines = [(box[0], box[1], box[2] - 1, box[1], box[2] - 1, box[3] - 1, box[0], box[3] - 1) for box in corners]
        polygons[f"{name}.jpg"] = [
            {"label": label, "polygons": [outline]} for label, outline in zip(names, outlines, strict=True)
        ]
        table.append(f"{name}.jpg,{split},80,64,{has_mask:d}")
        for label, box in zip(names, corners, strict=True):
            boxes.append(
                ",".join(map(str, (f"{name}.jpg", split, label, *box, int(label == "sheep" and len(names) > 2))))
            )
    files |= {f"{root}/boxes.csv": "\n".join(boxes).encode(), f"{root}/photos.csv": "\n".join(table).encode()}
    files[f"{root}/polygons.json"] = json.dumps(polygons).encode()
    lines = "\n".join(f"{number} {name}" for number, name in enumerate(classes))
    write_archive(folder / f"{archive}.tar.gz", files | {f"{root}/classes.txt": lines.encode()})


def write_caltech(folder: Path) -> None:
    """Seven photos of each of three classes, of which one is held back."""
    files = {}
    for name in ("airplane", "face", "motorcycle"):
        rows = [f"image_{number:04}.jpg,8,8,40,30,{name}" for number in range(1, 8)]
        files[f"caltech3/{name}.csv"] = "\n".join(["file,xmin,ymin,xmax,ymax,label", *rows]).encode()
        for row in rows:
            files[f"caltech3/{name}/{row.partition(',')[0]}"] = encoded(np.full((48, 64, 3), GREY, np.uint8), "PNG")
    write_archive(folder / "caltech3.tar.gz", files)


class Teacher:
    """A published network that finds each colour, as sure as `confidences` has it, and calls it as COCO does."""

    def __init__(self) -> None:
        self.spec = SimpleNamespace(labels=COCO_LABELS)
        self.confidences: dict[str, float] = {}

    def wait_for_export(self) -> None:
        pass

    def predict(self, pixels, confidence, iou=0.7, classes=None, side=None) -> sv.Detections:
        found = []
        for number, name in enumerate(COCO_LABELS):
            score = self.confidences.get(name, 0.9)
            if name not in classes or score <= confidence:
                continue
            mask = (np.abs(pixels.astype(int) - COLOURS[voc_label(name)]) < 12).all(axis=2)
            if mask.sum() > 40:
                rows, columns = np.nonzero(mask)
                box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                found.append((box, mask, score, number, name))
        if not found:
            return sv.Detections.empty()
        boxes, masks, scores, class_ids, names = map(np.array, zip(*found, strict=True))
        return sv.Detections(boxes.astype(float), masks, scores, class_ids, data={"class_name": names})


@pytest.fixture(scope="session")
def training_options() -> Callable[..., argparse.Namespace]:
    """A function from archives and results' folder to the arguments of a training of two small steps an epoch."""

    def options(folder: Path, out: Path, *, epochs=1, side=64, resume=False, start=None, **of_unets):
        made = {"data": folder, "out": out, "epochs": epochs, "side": side, "resume": resume, "start": start}
        made |= {
            "encoder": None,
            "heads_of": None,
            "detector": None,
            "imagenet": 0.3,
            "whole": 0.4,
            "coarse": False,
            "from_coarse": None,
        } | of_unets
        return argparse.Namespace(**made, batch=2, pictures=4, threads=None, seed=0, first_side=None)

    return options


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


@pytest.fixture(scope="session")
def everyday_archives(masked_archives) -> Path:
    """The same folder, with small archives of everyday photos."""
    write_painted(masked_archives, "voc_train", "voc", ("background", *VOC_NAMES), PHOTOS)
    write_painted(masked_archives, "coco_small", "coco_small", ("none of the 80", *COCO_LABELS), COCO_PHOTOS)
    others = {"1_1_s": ("train", True, ("cow",)), "1_2_s": ("train", True, ()), "1_3_s": ("val", True, ("cow",))}
    write_painted(masked_archives, "scenes_msrc", "scenes_msrc", ("building", "cow"), others)
    people = {"0001": ("train", True, ("person",)), "0002": ("val", True, ("person",))}
    write_painted(masked_archives, "people_clothes", "people_clothes", ("null", "person"), people)
    write_caltech(masked_archives)
    return masked_archives


@pytest.fixture(scope="session")
def pseudo_labelled(everyday_archives, tmp_path_factory) -> Path:
    """A working folder with the output of `pseudo_labels` and `pseudo_masks`."""
    folder = tmp_path_factory.mktemp("pseudo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["program", "--data", str(everyday_archives)])
        for program in (pseudo_labels, pseudo_masks):
            patch.setattr(program, "load_detector", lambda key, device: Teacher())
            program.main()
    return folder


@pytest.fixture
def in_pseudo_labelled(pseudo_labelled, monkeypatch) -> Path:
    """The same, as the working directory of the test."""
    monkeypatch.chdir(pseudo_labelled)
    return pseudo_labelled


@pytest.fixture(scope="session")
def masked_archives(tmp_path_factory) -> Path:
    """A folder with small archives of streets, pets and photos without pets."""
    folder = tmp_path_factory.mktemp("masked")
    write_streets(folder)
    write_pets(folder)
    write_backgrounds(folder)
    return folder
