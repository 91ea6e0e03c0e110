"""Checkpoints of a training that may be interrupted."""

from __future__ import annotations

import json
from pathlib import Path

from cnn_demo.models import frameworks

torch = frameworks.torch()


def save(folder: Path, states: dict, history: list[dict]) -> None:
    """Write a checkpoint of objects with a `state_dict`, and the history."""
    torch.save({name: part.state_dict() for name, part in states.items()}, folder / "checkpoint_new.pt")
    (folder / "checkpoint_new.pt").replace(folder / "checkpoint.pt")  # never half a checkpoint
    (folder / "history.json").write_text(json.dumps(history, indent=1))


def restore(folder: Path, states: dict) -> list[dict]:
    """Load a checkpoint into the states, and return the history; an empty one if there is no checkpoint."""
    if not (folder / "checkpoint.pt").is_file():
        return []
    saved = torch.load(folder / "checkpoint.pt", weights_only=True)
    for name, part in states.items():
        part.load_state_dict(saved[name])
    return json.loads((folder / "history.json").read_text())
