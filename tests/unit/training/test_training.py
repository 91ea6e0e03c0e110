"""Data of the training programs: splits that never mix, augmentation that only moves and mirrors."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from training.cifar10_cnn import SHIFT, augment, cut_out, network_input
from training.data.datasets import CIFAR10_LABELS, CIFAR10_VALIDATION, read_cifar10


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An archive like CIFAR-10's, with 502 files a class whose brightness is their number (of two hundred)."""
    folder = tmp_path_factory.mktemp("data")
    with tarfile.open(folder / "cifar10.tar.gz", "w:gz") as tar:
        for label in CIFAR10_LABELS:
            for number in range(CIFAR10_VALIDATION + 2):
                file = io.BytesIO()
                Image.fromarray(np.full((4, 4, 3), number % 200, np.uint8)).save(file, "PNG")
                member = tarfile.TarInfo(f"train/{label}/{number:04}.jpg")
                member.size = file.tell()
                file.seek(0)
                tar.addfile(member, file)
    return folder


def test_the_last_500_of_each_class_are_held_back(archive):
    training, validation = read_cifar10(archive)
    assert np.bincount(training.labels).tolist() == [2] * 10
    assert np.bincount(validation.labels).tolist() == [500] * 10
    assert sorted(set(training.images[:, 0, 0, 0].tolist())) == [0, 1]
    assert training.images.dtype == np.uint8
    first_of_class = [int(np.flatnonzero(validation.labels == label)[0]) for label in range(10)]
    assert {int(validation.images[i, 0, 0, 0]) for i in first_of_class} == {2}


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="cifar10"):
        read_cifar10(tmp_path)


def test_augmentation_moves_and_mirrors_and_nothing_else():
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (200, 32, 32, 3), dtype=np.uint8)
    moved = augment(images, np.random.default_rng(1))
    assert moved.shape == images.shape
    assert moved.dtype == np.uint8
    mirrored, shifts = 0, set()
    for before, after in zip(images, moved, strict=True):
        matches = [
            (flip, down, right)
            for flip in (False, True)
            for down in range(2 * SHIFT + 1)
            for right in range(2 * SHIFT + 1)
            if _same_middle(before[:, ::-1] if flip else before, after, down - SHIFT, right - SHIFT)
        ]
        assert len(matches) == 1
        mirrored += matches[0][0]
        shifts.add(matches[0][1:])
    assert 70 < mirrored < 130
    assert len(shifts) > 60  # of 81


def _same_middle(before, after, down, right):
    inner = slice(SHIFT, -SHIFT)
    return np.array_equal(np.roll(before, (-down, -right), (0, 1))[inner, inner], after[inner, inner])


def test_a_hole_is_a_grey_square_and_the_rest_stays():
    images = np.random.default_rng(0).integers(0, 120, (60, 32, 32, 3), dtype=np.uint8)
    cut = cut_out(images, np.random.default_rng(1), 8)
    sizes = set()
    for before, after in zip(images, cut, strict=True):
        hidden = (after == 128).all(axis=2)
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden.sum() == len(rows) * len(columns)
        np.testing.assert_array_equal(after[~hidden], before[~hidden])
        sizes |= {len(rows), len(columns)}
    assert max(sizes) == 8
    assert min(sizes) >= 4  # at the border


def test_augmentation_repeats_itself_with_the_same_seed():
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    first, second = (augment(images, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_network_takes_minus_one_to_one():
    assert network_input(np.array([0, 255], np.uint8)).tolist() == [-1, 1]
