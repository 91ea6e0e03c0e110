"""Escaping of text from outside: names of files and classes, values in links, and errors that quote them."""

import re

from cnn_demo.images.reading import printable

# Streamlit's Markdown replaces some texts after backslashes are gone: GFM's links (`www.x.y`, `https://x`, `a@b.c`),
# icons and emoji (`:material/home:`, `:smile:`) and arrows (`->`). None is found across an empty `:color[]`, which
# shows nothing and is not copied: it is put where such a text would be found.
_NOTHING = ":color[]"
_SEAM = re.compile(r"(?<=:)(?=\S)|(?=@)|(?<=www)(?=\.|$)|(?<=[-<>=~])(?=[-<>=~])", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_{}\[\]|~$<]|:(?=\S|$)|&(?=[#\w])")
_START_OF_BLOCK = re.compile(r"^(?:[-+#>=]|\d+[.)](?=\s|$))")  # of a list, a heading, a quotation or a line


def plain(text: str) -> str:
    r"""Escape a text for Streamlit's Markdown, which then shows it as it was typed.

    Control characters, also invisible ones and those that change the direction of writing, are dropped.

    Args:
        text: Any text; not one that is escaped already.

    Example:
        >>> from cnn_demo.ui.page.markdown import plain
        >>> print(plain("my_cat.jpg"), plain("[x](y)"), plain(":smile:"), plain("- a list"))
        my\_cat.jpg \[x\](y) \::color[]smile\: \- a list
    """
    text = printable(text)
    escaped = _NOTHING.join(_SPECIAL.sub(r"\\\g<0>", part) for part in _SEAM.split(text))
    return _START_OF_BLOCK.sub(lambda start: f"{start[0][:-1]}\\{start[0][-1]}", escaped)
