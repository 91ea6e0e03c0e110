"""What all tests share: no test sees what another one cached, and files as phones send them."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """The operator's folder of pretrained weights; a test that needs it is marked `weights`, and skips without."""
    folder = os.environ.get("CNN_DEMO_WEIGHTS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs pretrained weights: CNN_DEMO_WEIGHTS names no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(autouse=True)
def _fresh_caches():
    yield
    if "streamlit" in sys.modules:  # tests of the core never load it
        import streamlit as st

        st.cache_data.clear()
        st.cache_resource.clear()


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """A function from (width, height, EXIF orientation) to a JPEG with a dark left half, as the sensor saw it."""

    def encode(width: int = 48, height: int = 32, orientation: int = 1) -> bytes:
        pixels = np.full((height, width, 3), (220, 180, 40), np.uint8)
        pixels[:, : width // 2] = (30, 20, 60)
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def phone_photo(jpeg) -> bytes:
    """A photo as a phone held upright sends it: 48 × 32 pixels lying on their side, and EXIF to say so."""
    return jpeg(48, 32, orientation=6)
