"""Small archives of masked photos, as the training programs read them."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
    """Streets 96 × 72: sky above, road below, a pole, and a strip that nobody labelled."""
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
    """Blue photos in place of clothes, cards, blood and raccoons."""
    blue = encoded(np.full((50, 70, 3), (20, 20, 200), np.uint8), "JPEG")
    parts = {"clothing": "clothing/", "cards": "cards/train/", "bccd": "bccd/train/", "raccoon": "raccoon/"}
    for name, part in parts.items():
        write_archive(folder / f"{name}.tar.gz", {f"{part}{number}.jpg": blue for number in range(8)})


@pytest.fixture(scope="session")
def masked_archives(tmp_path_factory) -> Path:
    """A folder with small archives of streets, pets and photos without pets."""
    folder = tmp_path_factory.mktemp("masked")
    write_streets(folder)
    write_pets(folder)
    write_backgrounds(folder)
    return folder
