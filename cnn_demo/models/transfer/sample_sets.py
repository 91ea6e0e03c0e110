"""A sample photo set with classes, for visitors without photos of their own (see CREDITS.md beside the files)."""

from dataclasses import replace
from functools import cache

from cnn_demo.models.transfer.photo_sets import PhotoSet, gather
from cnn_demo.project import ROOT

FOLDER = ROOT / "assets" / "sample_sets"
ALT = {
    "brick": "A patch of a brick wall, in grey.",
    "grass": "A patch of a lawn, in grey.",
    "gravel": "A patch of gravel, in grey.",
}


@cache
def textures() -> PhotoSet:
    """Read 16 grayscale patches each of a brick wall, a lawn and gravel, with varying rotation, scale and lighting.

    Returns:
        The photo set, cached; its photos have alternative texts.
    """
    folders = sorted(path for path in (FOLDER / "textures").iterdir() if path.is_dir())
    photos, _ = gather(
        {
            folder.name: [(f"{folder.name} {path.stem}", path.read_bytes()) for path in sorted(folder.glob("*.jpg"))]
            for folder in folders
        }
    )
    named = zip(photos.photos, photos.classes, strict=True)
    return replace(
        photos, photos=tuple(replace(photo, alt=ALT[photos.labels[of]], built_in=True) for photo, of in named)
    )
