"""Photos: bytes or a sample to a checked `Photo`."""

from cnn_demo.images.photo import Photo
from cnn_demo.images.reading import read_photo
from cnn_demo.images.samples import SamplePhoto, sample_photos
from cnn_demo.images.validation import ImageError

__all__ = ["ImageError", "Photo", "SamplePhoto", "read_photo", "sample_photos"]
