"""On how many pixels of a large photo a page computes, in a sentence."""

from cnn_demo.images import Photo


def used_pixels(photo: Photo) -> str:
    """Return the size that the page uses, and that of the photo's file; "" if both are the same."""
    height, width = photo.size
    if photo.original_size == (width, height):
        return ""
    file_width, file_height = photo.original_size
    return f"Computed on {width:,} × {height:,} of the file’s {file_width:,} × {file_height:,} pixels."
