"""SVG diagram in the colours of the theme."""

from cnn_demo.ui.components import declare

_mount = declare("diagram")


def diagram(parts: str, size: tuple[float, float], *, key: str, alt: str, caption: str = "") -> None:
    """Show a drawing.

    Args:
        parts: SVG elements, made by this program alone: nothing that a visitor typed may be in them. The classes
            `area`, `ring`, `frame`, `unit`, `strong` and `quiet` take the theme's colours.
        size: (width, height) in CSS pixels; it shrinks on narrow screens.
        key: Widget key, unique on the page.
        alt: Text alternative for the drawing.
        caption: Text under it.
    """
    width, height = size
    svg = f'<svg viewBox="0 0 {width:g} {height:g}">{parts}</svg>'
    _mount(key=key, data={"svg": svg, "width": width, "alt": alt, "caption": caption})
