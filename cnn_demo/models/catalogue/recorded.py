"""Checksums of published weights whose publisher gives none: each is that of the first good download.

`python -m cnn_demo fetch --record KEY...` adds rows.
"""

from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

TABLE = Path(__file__).with_name("recorded.csv")
COLUMNS = ("file", "sha256", "bytes")


@dataclass(frozen=True)
class Recorded:
    """A file as it was when it was first downloaded.

    Attributes:
        sha256: Its SHA-256, 64 hexadecimal digits.
        bytes: Its size.
    """

    sha256: str
    bytes: int


def recorded(file: str) -> Recorded | None:
    """Return the record of a weights file; None if there is none."""
    return _table(TABLE, TABLE.stat().st_mtime_ns).get(file)


def record(file: str, sha256: str, size: int) -> None:
    """Add a file to the table, or replace its row.

    Raises:
        OSError: If the table cannot be written.
    """
    rows = _table(TABLE, TABLE.stat().st_mtime_ns) | {file: Recorded(sha256, size)}
    with tempfile.NamedTemporaryFile(
        "w", dir=TABLE.parent, prefix="recorded-", suffix=".part", delete=False, encoding="utf-8", newline=""
    ) as new:
        writer = csv.writer(new, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((name, row.sha256, row.bytes) for name, row in sorted(rows.items()))
    os.chmod(new.name, 0o644)
    os.replace(new.name, TABLE)


@lru_cache(1)
def _table(path: Path, _changed: int) -> dict[str, Recorded]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: Recorded(row["sha256"], int(row["bytes"])) for row in csv.DictReader(file)}
