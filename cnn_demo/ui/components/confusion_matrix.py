"""Confusion matrix whose cells can be opened to show their photos."""

from collections.abc import Callable, Sequence

from cnn_demo.ui.components import declare, picked_index

_mount = declare("confusion_matrix")


def confusion_matrix(
    names: Sequence[str],
    counts: Sequence[Sequence[int]],
    chosen: int | None,
    *,
    key: str,
    label: str,
    on_pick: Callable[[int], None],
) -> None:
    """Show a confusion matrix; call `on_pick(index)` when the visitor opens a cell.

    Args:
        names: Names of the C classes.
        counts: C × C counts of photos: rows are true classes, columns predicted ones.
        chosen: Index of the open cell, row · C + column, or None.
        key: Widget key, unique on the page.
        label: Description of the matrix for screen readers.
        on_pick: Callback; only indices of the C · C cells reach it.
    """
    cells = [
        {"photos": count, "fraction": count / max(1, sum(row)), "title": _title(names[truth], names[predicted], count)}
        for truth, row in enumerate(counts)
        for predicted, count in enumerate(row)
    ]
    data = {
        "names": list(names),
        "cells": cells,
        "chosen": chosen,
        "label": label,
        "corner": "is ↓  taken for →",
        "caption": "Click a number to see its photos.",
    }
    _mount(key=key, data=data, on_pick_change=picked_index(key, len(cells), on_pick))


def _title(truth: str, predicted: str, count: int) -> str:
    photos = "1 photo" if count == 1 else f"{count} photos"
    return (
        f"{photos} of {truth} taken for {predicted}"
        if truth != predicted
        else f"{photos} of {truth} classified correctly"
    )
