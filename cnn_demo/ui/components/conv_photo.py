"""The photo that a convolution in the browser computes with, sent once."""

from cnn_demo.ui.components import declare

_mount = declare("conv_photo")


def conv_photo(source: str, photo_key: str, *, key: str) -> None:
    """Send a photo to the components of the page that compute with it, such as the lens.

    It is a component of its own: the lens is sent with every run of the page, an unchanged component only once.

    Args:
        source: Data URL of the photo as a PNG, which has its exact values.
        photo_key: Key that those components know it by.
        key: Widget key, unique on the page.
    """
    _mount(key=key, data={"key": photo_key, "src": source})
