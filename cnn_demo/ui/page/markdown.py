"""Markdown escaping of visitors' input and file names."""


def plain(text: str) -> str:
    """Escape a text so that none of its characters act as Markdown."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()#+-.!|~$:<>" else char for char in text)
