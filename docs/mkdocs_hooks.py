"""Hooks of MkDocs: links from the guides to files of the repository, which is not part of the site.

On GitHub such links work as they are. On the site they lead to the published source if its address is known, by
`CNN_DEMO_SOURCE` or pyproject.toml, as in the footer of the app; otherwise they become plain text. Screenshots are
copied into the site.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from cnn_demo.project import ROOT, about

_PICTURE = re.compile(r"(!\[[^\]]*\]\()\.\./(assets/screenshots/[^)]+\))")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(\.\./([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the screenshots to the site's files."""
    for path in sorted((ROOT / "assets" / "screenshots").glob("*.webp")):
        files.append(File.generated(config, f"assets/screenshots/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the links that lead out of the guides' folder."""
    return _LINK.sub(_in_source, _PICTURE.sub(r"\1\2", markdown))


def _in_source(link: re.Match[str]) -> str:
    text, path = link.groups()
    if source := about().source.removesuffix("/"):
        return f"[{text}]({source}/blob/HEAD/{path})"
    return f"`{path}`" if text == Path(path).name else text
