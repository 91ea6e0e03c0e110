"""The zip of an explanation holds what was computed."""

import io
import json
import zipfile

import numpy as np
from PIL import Image

from cnn_demo.exports.evidence import evidence_zip
from cnn_demo.images import Photo
from cnn_demo.models import find

RANDOM = np.random.default_rng(0)


def test_the_zip_holds_photo_maps_figures_settings_and_versions():
    pixels, seen = (RANDOM.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (30, 16))
    heat = RANDOM.random((16, 16)).astype(np.float32)
    maps = {"Grad-CAM of A/B": heat, "difference": 2 * heat - 1}
    figures = {
        "area": np.float32(0.25),
        "curve": np.array([1.0, 0.5]),
        "box": None,
        "top": [{"channel": np.int64(3)}],
    }
    settings = {"class": "tiger cat", "layer": "top_conv"}
    photo = Photo(pixels, "a.jpg", "digest")
    data = evidence_zip(photo, find("cifar10_cnn"), {"input": seen}, maps, settings, figures)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        assert sorted(names) == [
            "evidence.json",
            "maps.npz",
            "maps/difference.png",
            "maps/grad-cam-of-a-b.png",
            "photo.png",
            "pictures/input.png",
        ]
        for name, expected in (("photo.png", pixels), ("pictures/input.png", seen)):
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(archive.read(name)))), expected)
        facts = json.loads(archive.read("evidence.json"))
        with np.load(io.BytesIO(archive.read("maps.npz"))) as arrays:
            np.testing.assert_array_equal(arrays["grad-cam-of-a-b"], heat)
            np.testing.assert_array_equal(arrays["difference"], 2 * heat - 1)
    assert facts["photo"] == {"name": "a.jpg", "sha256": "digest"}
    assert facts["model"]["key"] == "cifar10_cnn"
    assert facts["settings"] == settings
    assert facts["figures"] == {"area": 0.25, "curve": [1.0, 0.5], "box": None, "top": [{"channel": 3}]}
    assert {"python", "keras", "numpy"} < facts["versions"].keys()
