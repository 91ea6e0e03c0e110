"""What visitors typed, and how their files are called, shown as it is."""


def plain(text: str) -> str:
    """Escape a text so that none of its characters act as Markdown."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()#+-.!|~$:<>" else char for char in text)
