"""Sets of labelled photos: valid sets, skipped files and their messages, and malicious zip files."""

import io
import struct
import unicodedata
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from cnn_demo.models.transfer import photo_sets
from cnn_demo.models.transfer.photo_sets import MAX_PHOTOS, PhotoSet, PhotoSetError, from_zip, gather


def png(seed: int, size: tuple[int, int] = (12, 8)) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def several(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"{number}.png", png(number)) for number in range(first, first + count)]


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def folders(**classes: int) -> dict[str, bytes]:
    """File names and bytes: so many photos in each folder, no two the same."""
    numbers = iter(range(1000))
    return {f"{label}/{i:02}.png": png(next(numbers)) for label, count in classes.items() for i in range(count)}


# From bytes ----------------------------------------------------------------------------------------------------------


def test_photos_keep_their_class_and_their_order():
    photos, left_out = gather({" my cat ": several(6), "dog": several(5, 50)})
    assert photos.labels == ("my cat", "dog")
    assert photos.classes.tolist() == [0] * 6 + [1] * 5
    assert photos.classes.dtype == np.int64
    assert [photo.name for photo in photos.photos] == [f"{n}.png" for n in (*range(6), *range(50, 55))]
    expected = np.random.default_rng(52).integers(0, 256, (12, 8, 3), np.uint8)
    np.testing.assert_array_equal(photos.photos[8].pixels, expected)
    assert left_out == ()


def test_only_a_small_photo_is_kept():
    photos, _ = gather({"a": [("large.png", png(7, (500, 1000))), *several(4)], "b": several(5, 50)})
    assert photos.photos[0].pixels.shape == (160, 320, 3)
    assert photos.photos[0].original_size == (1000, 500)


def test_unreadable_and_duplicate_photos_are_skipped_with_a_message():
    named = {"cat": [("notes.pdf", b"%PDF-1.7"), *several(5), ("copy.png", png(2))], "dog": several(5, 50)}
    photos, left_out = gather(named)
    assert len(photos.photos) == 10
    assert left_out[0].startswith("“notes.pdf” in “cat” was left out: this looks like a PDF document")
    assert left_out[1:] == ("Left out because they are duplicates: 1 photo.",)


def test_many_unreadable_files_are_counted_not_listed():
    _, left_out = gather({"cat": [*[(f"{n}", b"?") for n in range(20)], *several(5)], "dog": several(5, 50)})
    assert len(left_out) == photo_sets.MAX_SENTENCES + 1
    assert left_out[-1] == "Left out because they cannot be read: 12 more files."


def test_of_a_large_class_the_first_photos_are_taken():
    photos, left_out = gather({"cat": several(MAX_PHOTOS + 3), "dog": several(5, 500)})
    assert photos.classes.tolist().count(0) == MAX_PHOTOS
    assert left_out == ("Left out because a class has at most 50 photos: 3 photos.",)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({}, "No photos were found"),
        ({"cat": several(9)}, "“cat” is the only class"),
        ({str(n): several(5, 10 * n) for n in range(7)}, "These are 7 classes"),
        ({"cat": several(5), "dog": several(4, 50)}, "“dog” has 4 photos that can be read"),
        ({"cat": several(5), "dog": [*several(4, 50), ("x", b"?")]}, "“dog” has 4 photos"),
        ({"cat": several(5), "dog": [("1", png(9))] * 8}, "“dog” has 1 photo that can be read, without duplicates"),
        ({"cat": several(5), "dog": []}, "“dog” has 0 photos"),
        ({"cat": [("a", b"?")], "dog": [("b", b"")]}, "None of these files"),
        ({"Straße": several(5), "STRASSE": several(5, 50)}, "Two classes are called “Straße” and “STRASSE”"),
        ({"a": several(5), " a\t": several(5, 50)}, "Two classes are called"),
        ({"cat": several(5), " \u200b\n": several(5, 50)}, "has no name"),
        ({"cat": several(5), "d" * 41: several(5, 50)}, "too long: please use at most 40 characters"),
        ({"cat": several(6), "dog": several(5, 5)}, "The photo “5.png” is in “cat” and in “dog”"),
    ],
)
def test_invalid_sets_are_refused_in_one_sentence(named, says):
    with pytest.raises(PhotoSetError, match=says) as refused:
        gather(named)
    assert_one_sentence(str(refused.value))


def assert_one_sentence(text: str) -> None:
    assert text.endswith(".")
    assert ". " not in text
    assert "\n" not in text


def test_forty_characters_are_not_too_many():
    photos, _ = gather({"d" * 40: several(5), "cat": several(5, 50)})
    assert photos.labels[0] == "d" * 40


def test_a_set_needs_a_class_for_each_photo():
    photo = gather({"a": several(5), "b": several(5, 50)})[0].photos[0]
    for classes in ([0], [0, 0], [0, 2], [[0, 1]]):
        with pytest.raises(ValueError, match="class indices"):
            PhotoSet(("a", "b"), (photo, photo), np.array(classes))
    made = PhotoSet(("a", "b"), (photo, photo), np.array([0, 1]))
    with pytest.raises(ValueError, match="read-only"):
        made.classes[0] = 1


# From a zip ----------------------------------------------------------------------------------------------------------


def test_folders_are_classes_in_alphabetical_order():
    photos, left_out = from_zip(zipped(folders(dog=6, Cat=5)))
    assert photos.labels == ("Cat", "dog")
    assert photos.classes.tolist() == [0] * 5 + [1] * 6
    expected, _ = gather({"Cat": several(5, 6), "dog": several(6)})
    assert [photo.sha256 for photo in photos.photos] == [photo.sha256 for photo in expected.photos]
    assert left_out == ()


def test_the_last_folder_is_the_class_at_any_depth():
    files = {f"set/train/cat/{n}.PNG": png(n) for n in range(3)} | {f"set/test/cat/{n}.png": png(n) for n in (3, 4)}
    files |= {f"set\\train\\dog\\{n}.png": png(n) for n in range(10, 15)}
    photos, _ = from_zip(zipped(files, zipfile.ZIP_STORED))
    assert photos.labels == ("cat", "dog")
    assert np.bincount(photos.classes).tolist() == [5, 5]


def test_files_of_file_managers_are_skipped_and_other_files_counted():
    files = folders(cat=5, dog=5) | {"cat/": b"", "readme.txt": b"", "dog/boxes.csv": b"", "loose.png": png(900)}
    hidden = {f"__MACOSX/cat/{n}.png": png(n) for n in range(900, 910)} | {".git/x.png": png(910), "cat/.1.png": b"?"}
    photos, left_out = from_zip(zipped(files | hidden))
    assert photos.labels == ("cat", "dog")
    assert len(photos.photos) == 10
    assert left_out == (
        "Left out because they are in no folder of a class: 1 photo.",
        "Left out because they are not photos: 2 files.",
    )


@pytest.mark.parametrize(
    "where",
    [
        ("cat/100APPLE", "dog/100APPLE"),
        ("cat/day1", "cat/day2", "dog/day1", "dog/day2"),
        ("pets/cat", "pets/dog/100APPLE"),
        ("pets/train/cat", "pets/train/dog/old", "pets/val/cat", "pets/val/dog"),
        ("cat/train", "cat/test", "dog/train", "dog/test"),
        ("a/b/c/cat", "a/b/c/dog"),
        ("./cat", "./dog"),
        ("C:/cat", "C:/dog"),
    ],
)
def test_the_folder_that_differs_is_the_class(where):
    files = {f"{folder}/{n}.png": png(100 * i + n) for i, folder in enumerate(where) for n in range(5)}
    photos, left_out = from_zip(zipped(files))
    assert photos.labels == ("cat", "dog")
    assert len(photos.photos) == len(files)
    assert left_out == ()


@pytest.mark.parametrize(
    ("counts", "labels"),
    [
        ({"pets/cat": 5, "pets/dog": 5, "docs": 2}, "cat dog"),
        ({"pets/cat": 5, "pets/dog": 5, "docs/img": 2, "old": 1}, "cat dog"),
        ({"pets/cat": 5, "pets/dog": 5, "bird": 5}, "bird cat dog"),
        ({"cat/day1": 5, "cat/day2": 5, "dog": 5}, "cat dog"),
        ({"cat/100APPLE": 5, "cat/101APPLE": 5, "dog": 5}, "cat dog"),
        ({"cat/2024-01-01": 3, "cat/2024-01-02": 3, "dog": 5}, "cat dog"),
        ({"cat": 5, "cat/blurred": 5, "dog": 5}, "cat dog"),
        ({"cat": 5, "cat/blurred": 2, "dog": 5, "dog/blurred": 2}, "cat dog"),
        ({"cat/train": 5, "cat/test": 5, "dog": 5}, "cat dog"),
        ({"cat/indoors": 5, "cat/outdoors": 5, "dog/indoors": 5, "dog/outdoors": 5}, "cat dog"),
        ({"animals/cat": 5, "animals/dog": 5, "vehicles/bus": 5, "vehicles/car": 5}, "animals vehicles"),
        ({"set/animals/cat": 5, "set/animals/dog": 5, "set/docs": 1}, "cat dog"),
        ({"set/train/cat": 3, "set/train/dog": 3, "set/val/cat": 2, "set/val/dog": 2, "preview": 1}, "cat dog"),
        ({"Train/cat": 5, "TEST/cat": 1, "Train/dog": 5}, "cat dog"),
        ({"train": 5, "test": 5}, "test train"),
        ({"1": 5, "2": 5}, "1 2"),
        ({"all/1": 5, "all/2": 5}, "1 2"),
        ({"pets": 2, "pets/cat": 5, "pets/dog": 5}, "cat dog"),
        ({"pets/cat": 5, "pets/dog": 5, "birds/owl": 5, "birds/robin": 5, "fish": 5}, "cat dog fish owl robin"),
    ],
)
def test_classes_in_folders_of_different_depth(counts, labels):
    photos = iter(range(1000))
    photo_set, left_out = from_zip(
        zipped({f"{name}/{i}.png": png(next(photos)) for name, count in counts.items() for i in range(count)})
    )
    assert " ".join(photo_set.labels) == labels
    few = sum(counts.values()) - len(photo_set.photos)
    assert len(left_out) == (few > 0)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"cats/day1": 5, "cats/day2": 5, "dogs": 3}, "“dogs” has 3 photos"),
        ({"cat": 5, "cat/old": 5}, "“cat” is the only class"),
        ({"a/b/cat": 5}, "“cat” is the only class"),
        ({"cat": 2, "dog": 3}, "“cat” has 2 photos"),
    ],
)
def test_folders_with_too_few_photos(counts, says):
    photos = iter(range(1000))
    files = {f"{name}/{i}.png": png(next(photos)) for name, count in counts.items() for i in range(count)}
    with pytest.raises(PhotoSetError, match=says):
        from_zip(zipped(files))


def test_photos_are_recognized_by_content():
    def encoded(kind: str, seed: int) -> bytes:
        file = io.BytesIO()
        Image.open(io.BytesIO(png(seed))).save(file, kind)
        return file.getvalue()

    names = {"a.JPG": "JPEG", "b.jfif": "JPEG", "c": "PNG", "d.txt": "WEBP", "e.jpeg": "GIF", "f.dat": "AVIF"}
    files = {f"cat/{name}": encoded(kind, 900 + i) for i, (name, kind) in enumerate(names.items())}
    files |= folders(dog=5) | {"dog/Thumbs.db": b"x", "dog/desktop.ini": b"x", "dog/notes": b"x"}
    photos, left_out = from_zip(zipped(files))
    assert np.bincount(photos.classes).tolist() == [6, 5]
    assert left_out == ("Left out because they are not photos: 1 file.",)


def with_raw_names(names: dict[str, bytes]) -> bytes:
    """A zip whose ASCII names are replaced by bytes of the same length, without the flag for UTF-8."""
    data = zipped({f"{name}/{n}.png": png(100 * i + n) for i, name in enumerate(names) for n in range(5)})
    for name, raw in names.items():
        assert len(name) == len(raw)
        data = data.replace(name.encode() + b"/", raw + b"/")
    return data


def test_names_of_macos_and_of_dos():
    decomposed = unicodedata.normalize("NFD", "Kätzchen").encode()
    data = with_raw_names({"x" * len(decomposed): decomposed, "yyy": "猫".encode(), "zzz": b"h\x81n"})
    photos, _ = from_zip(data)
    assert set(photos.labels) == {"Kätzchen", "猫", "hün"}


def test_the_extra_field_for_names_wins():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i, (raw, name) in enumerate({"k?tze": "kätze", "hund": "hund"}.items()):
            for n in range(5):
                path = f"{raw}/{n}.png"
                info = zipfile.ZipInfo(path)
                field = b"\1" + zlib.crc32(path.encode()).to_bytes(4, "little") + f"{name}/{n}.png".encode()
                info.extra = struct.pack("<HH", 0x7075, len(field)) + field
                archive.writestr(info, png(10 * i + n))
    assert from_zip(file.getvalue())[0].labels == ("hund", "kätze")


def test_zip64_is_read():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in folders(cat=5, dog=5).items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(data)
    assert from_zip(file.getvalue())[0].labels == ("cat", "dog")


def test_ten_phone_photos_fit():
    trailer = bytes(5 * 2**20)
    files = {f"{label}/{n}.png": png(10 * i + n) + trailer for i, label in enumerate(("cat", "dog")) for n in range(5)}
    assert len(from_zip(zipped(files, zipfile.ZIP_STORED))[0].photos) == 10


def encrypted() -> bytes:
    """A zip whose entries are marked as encrypted."""
    data = bytearray(zipped(folders(cat=5, dog=5)))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def with_bytes_changed() -> bytes:
    data = bytearray(zipped(folders(cat=5, dog=5)))
    data[60:90] = bytes(30)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (lambda: b"", "This is not a zip"),
        (lambda: png(1), "This is not a zip"),
        (lambda: zipped({}), "No photos were found"),
        (lambda: zipped({"a/readme.txt": b"x"}), "No photos were found"),
        (lambda: zipped({f"{n}.png": png(n) for n in range(12)}), "are not in folders"),
        (lambda: zipped(folders(cat=12)), "“cat” is the only class"),
        (lambda: zipped(folders(a=1, b=1, c=1, d=1, e=1, f=1, g=1)), "These are 7 classes"),
        (lambda: zipped(folders(cat=5, dog=4)), "“dog” has 4 photos"),
        (lambda: zipped(folders(cat=5, Cat=5)), "Two classes are called “Cat” and “cat”"),
        (lambda: zipped({"x" * 50 + "/1.png": png(1)}), "too long"),
        (lambda: zipped(folders(cat=5, dog=5))[:-40], "cut off or damaged"),
        (lambda: zipped(folders(cat=5, dog=5))[:300], "cut off or damaged"),
        (with_bytes_changed, "cut off or damaged"),
        (encrypted, "is encrypted"),
        (lambda: zipped({"a.zip": zipped(folders(cat=5, dog=5))}), "holds other zips"),
        (lambda: zipped({f"../cat/{n}.png": png(n) for n in range(5)}), "No photos were found"),
        (lambda: zipped(folders(cat=5, dog=5), zipfile.ZIP_LZMA), "unsupported compression"),
        (lambda: zipped(folders(cat=5, dog=5), zipfile.ZIP_BZIP2), "unsupported compression"),
        (lambda: zipped({f"a/{n}.txt": b"" for n in range(2001)}), "more than 2000 files"),
    ],
)
def test_zips_that_are_no_set_are_refused_in_one_sentence(data, says):
    with pytest.raises(PhotoSetError, match=says) as refused:
        from_zip(data())
    assert_one_sentence(str(refused.value))


def test_the_unpacked_size_of_a_zip_is_limited(monkeypatch):
    files = folders(cat=5, dog=5)
    size = sum(map(len, files.values()))
    monkeypatch.setattr(photo_sets, "MAX_UNPACKED", size)
    assert len(from_zip(zipped(files))[0].photos) == 10
    monkeypatch.setattr(photo_sets, "MAX_UNPACKED", size - 1)
    with pytest.raises(PhotoSetError, match="holds more than"):
        from_zip(zipped(files))


def test_a_bomb_is_never_unpacked_whole(monkeypatch):
    """Of a file that is too long only one byte more than allowed is unpacked, whatever size its header has."""
    monkeypatch.setattr(photo_sets, "MAX_BYTES", 1000)
    read = []
    real = photo_sets.read_photo
    monkeypatch.setattr(photo_sets, "read_photo", lambda data, *rest: read.append(len(data)) or real(data, *rest))
    bomb = zipped(folders(cat=5, dog=5) | {"cat/bomb.png": bytes(30_000_000)})
    assert len(bomb) < 100_000
    photos, left_out = from_zip(bomb)
    assert max(read) == 1001
    assert len(photos.photos) == 10
    assert "“bomb.png” in “cat” was left out" in left_out[0]


def test_a_false_size_in_the_header_does_not_help():
    data = bytearray(zipped(folders(cat=5, dog=5) | {"cat/a.png": bytes(3_000_000)}))
    entry = data.rfind(b"PK\x01\x02")
    assert data[entry + 46 :].startswith(b"cat/a.png")
    struct.pack_into("<I", data, entry + 24, 10)  # the file then seems to end after ten bytes, and its checksum fails
    with pytest.raises(PhotoSetError, match="cut off or damaged"):
        from_zip(bytes(data))


def test_of_a_large_folder_only_the_first_photos_are_unpacked(monkeypatch):
    files = folders(cat=MAX_PHOTOS + 2, dog=5)
    kept = sum(len(data) for name, data in files.items() if name not in ("cat/50.png", "cat/51.png"))
    monkeypatch.setattr(photo_sets, "MAX_UNPACKED", kept)
    photos, left_out = from_zip(zipped(files))
    assert len(photos.photos) == MAX_PHOTOS + 5
    assert left_out == ("Left out because a class has at most 50 photos: 2 photos.",)
