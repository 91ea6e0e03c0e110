"""Sample photos.

Most are files under `assets/samples` (see CREDITS.md there). Three come with the packages ultralytics and scikit-image:
they are read from the installed packages, and omitted if a package is missing. Photos are decoded on demand.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cnn_demo.project import ROOT

if TYPE_CHECKING:
    from cnn_demo.images.photo import Photo

FOLDER = ROOT / "assets" / "samples"
THUMBNAIL_WIDTH = 160


@dataclass(frozen=True)
class SamplePhoto:
    """One sample photo, not yet decoded.

    Attributes:
        key: short name, usable in a URL.
        title: display name.
        path: the file, a JPEG or PNG.
        credit: author, licence and source, to be shown with the photo.
        alt: alternative text.
    """

    key: str
    title: str
    path: Path
    credit: str
    alt: str

    def load(self, max_side: int = 1280) -> Photo:
        """Read and decode the file.

        Args:
            max_side: the longer side of the result is at most this many pixels.

        Returns:
            The photo, with `credit` and `alt` of this sample and its title as its name; decoded anew at each call.
        """
        from dataclasses import replace

        from cnn_demo.images.reading import read_photo

        data = self.path.read_bytes()
        photo = read_photo(data, self.title, max_side)
        return replace(photo, credit=self.credit, alt=self.alt, data=data, file_name=self.path.name, built_in=True)

    @cached_property
    def thumbnail(self) -> bytes:
        """Return a JPEG of 160 pixels width, for a gallery; read or created on first access."""
        ready = FOLDER / "thumbs" / f"{self.key}.jpg"
        if ready.is_file():
            return ready.read_bytes()
        from PIL import Image

        pixels = self.load(max_side=4 * THUMBNAIL_WIDTH).pixels
        height = max(1, round(THUMBNAIL_WIDTH * pixels.shape[0] / pixels.shape[1]))
        small = Image.fromarray(pixels).resize((THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.save(file, "JPEG", quality=85, optimize=True)
        return file.getvalue()


@lru_cache(maxsize=1)
def sample_photos() -> tuple[SamplePhoto, ...]:
    """List the available sample photos; the first one is the default of a page.

    Returns:
        Samples with distinct keys. The same objects at each call, so that thumbnails are made once.
    """
    samples = [SamplePhoto(key, title, FOLDER / f"{key}.jpg", credit, alt) for key, title, credit, alt in _OWN]
    for package, file, key, title, credit, alt in _FROM_PACKAGES:
        # find_spec of a top-level package looks for it without running it: importing ultralytics takes seconds.
        found = find_spec(package)
        folders = (found.submodule_search_locations or ()) if found else ()
        samples += [SamplePhoto(key, title, Path(folder) / file, credit, alt) for folder in folders]
    return tuple(sample for sample in samples if sample.path.is_file())


_OWN = (
    (
        "chelsea",
        "Chelsea the cat",
        "Stéfan van der Walt · CC0 · from scikit-image",
        "Close-up of the face of a light brown tabby cat with green eyes.",
    ),
    (
        "coffee",
        "A cup of coffee",
        "Rachel Michetti, Pikolo Espresso Bar · CC0 · from scikit-image",
        "An espresso in a cup with its spoon on a red-brown saucer, on a wooden table.",
    ),
    (
        "astronaut",
        "Astronaut Eileen Collins",
        "NASA · public domain · from scikit-image",
        "Portrait of a smiling woman in an orange space suit, a flag and a model of a space shuttle behind her.",
    ),
    (
        "grace_hopper",
        "Grace Hopper",
        "James S. Davis, US Navy · public domain · from Matplotlib",
        "Portrait of a woman with glasses in a dark navy uniform and cap, flags behind her.",
    ),
    (
        "rocket",
        "Rocket on its pad",
        "SpaceX · public domain · from scikit-image",
        "A white rocket stands on its launch pad under a dark blue sky, between steel towers and bright lamps.",
    ),
    (
        "china",
        "A pavilion in China",
        "danielbuechele (Flickr) · CC BY 2.0 · from scikit-learn",
        "A Chinese pavilion of four storeys with curved tiled roofs, above trees and a lake.",
    ),
    (
        "flower",
        "A flower",
        "vultilion (Flickr) · CC BY 2.0 · from scikit-learn",
        "An orange dahlia in full bloom before blurred dark leaves.",
    ),
)

_ULTRALYTICS = "Ultralytics · AGPL-3.0 · from the ultralytics package"
_FROM_PACKAGES = (
    (
        "ultralytics",
        "assets/bus.jpg",
        "bus",
        "A bus in the street",
        _ULTRALYTICS,
        "A blue and white city bus in front of a house with balconies; people walk past it.",
    ),
    (
        "ultralytics",
        "assets/zidane.jpg",
        "zidane",
        "Two men at a match",
        _ULTRALYTICS,
        "Two men in dark clothes in a stadium, one with his mouth open and pointing.",
    ),
    (
        "skimage",
        "data/motorcycle_left.png",
        "motorcycle",
        "A motorcycle in a garage",
        "Scharstein et al. (2014), Middlebury College · from the scikit-image package",
        "A red motorcycle on its side stand in a garage, before a bench and shelves with boxes.",
    ),
)
