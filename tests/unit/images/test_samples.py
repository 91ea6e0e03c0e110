"""The sample photos: present, small, credited, and decoded only on request."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from cnn_demo.images import Photo, SamplePhoto, sample_photos, samples

ASSETS = Path(__file__).parents[3] / "assets" / "samples"
OWN = [sample for sample in sample_photos() if sample.path.parent == ASSETS]


def test_order_and_keys():
    keys = [sample.key for sample in sample_photos()]
    assert keys[:7] == ["chelsea", "coffee", "astronaut", "grace_hopper", "rocket", "china", "flower"]
    assert set(keys[7:]) == {"bus", "zidane", "motorcycle"}
    assert len(set(keys)) == len(keys)
    assert all(isinstance(sample, SamplePhoto) for sample in sample_photos())
    assert sample_photos() is sample_photos()


@pytest.mark.parametrize("sample", sample_photos(), ids=lambda sample: sample.key)
def test_each_loads_with_credit_and_description(sample):
    photo = sample.load(max_side=200)
    assert isinstance(photo, Photo)
    assert max(photo.pixels.shape) == 200
    assert photo.pixels.std() > 20
    assert (photo.name, photo.credit, photo.alt) == (sample.title, sample.credit, sample.alt)
    licence = r"CC0|CC BY|public domain" if sample in OWN else r"from the [a-z-]+ package$"
    assert re.search(licence, sample.credit)
    assert sample.alt.endswith(".")
    assert 20 < len(sample.alt) < 125


@pytest.mark.parametrize("sample", sample_photos(), ids=lambda sample: sample.key)
def test_thumbnails(sample):
    with Image.open(io.BytesIO(sample.thumbnail)) as thumbnail:
        assert thumbnail.format == "JPEG"
        assert thumbnail.width == samples.THUMBNAIL_WIDTH
        height, width = sample.load(max_side=200).pixels.shape[:2]
        assert thumbnail.height == pytest.approx(160 * height / width, abs=2)
    assert len(sample.thumbnail) < 20_000
    assert sample.thumbnail is sample.thumbnail


@pytest.mark.parametrize("sample", OWN, ids=lambda sample: sample.key)
def test_files_are_small_and_credited(sample):
    assert sample.path.stat().st_size < 350_000
    with Image.open(sample.path) as image:
        assert max(image.size) <= 1280
        assert not dict(image.getexif())
    assert f"`{sample.path.name}`" in (ASSETS / "CREDITS.md").read_text(encoding="utf-8")


def test_no_file_without_a_sample():
    names = {sample.path.name for sample in OWN}
    assert {path.name for path in ASSETS.glob("*.jpg")} == names
    assert {path.name for path in (ASSETS / "thumbs").iterdir()} == names


def test_samples_without_the_optional_packages(monkeypatch):
    monkeypatch.setattr(samples, "find_spec", lambda name: None)
    sample_photos.cache_clear()
    try:
        assert [sample.key for sample in sample_photos()] == [sample.key for sample in OWN]
    finally:
        sample_photos.cache_clear()


def test_listing_decodes_nothing(monkeypatch):
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"read {path}"))
    sample_photos.cache_clear()
    assert sample_photos()
