"""The project's folder, and its version, licence and source address: everything that names them reads them here."""

from __future__ import annotations

import importlib.metadata
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cnn_demo.environment import SOURCE, is_web_address

_PACKAGED = Path(__file__).with_name("_app")
ROOT = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).resolve().parents[1]
"""Folder of `app.py`, `pages/` and `assets/`: the repository's root, or `_app` of an installed package."""


@dataclass(frozen=True)
class About:
    """What the footer of every page names.

    Attributes:
        version: Version of the app, such as "1.0.0".
        licence: SPDX identifier of its licence.
        source: Address of the source code of this server's version; empty if nobody has set one.
    """

    version: str
    licence: str
    source: str


def about() -> About:
    """Return version, licence and source address.

    The operator's `CNN_DEMO_SOURCE` comes before the address in `pyproject.toml`: whoever serves a changed version must
    offer the source of that version (AGPL-3.0, section 13).
    """
    version, licence, published = _metadata()
    source = os.environ.get(SOURCE, "").strip() or published
    return About(version, licence, source if is_web_address(source) else "")


@cache
def _metadata() -> tuple[str, str, str]:
    """Version, licence and source address: of the repository if this is one, otherwise of the installed package."""
    file = ROOT / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        return project["version"], project["license"], project.get("urls", {}).get("Source", "")
    found = importlib.metadata.metadata("cnn-demo")
    urls = dict(url.split(", ", 1) for url in found.get_all("Project-URL") or [])
    return found["Version"], found["License-Expression"], urls.get("Source", "")
