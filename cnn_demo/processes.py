"""The processes that this one has started, such as a conversion or a download of weights."""

from contextlib import suppress

import psutil

PATIENCE = 0.5  # seconds in which they may end by themselves


def end_children() -> None:
    """End the processes that this one has started; those that do not end when they are asked are killed."""
    with suppress(psutil.Error):
        children = psutil.Process().children(recursive=True)
        for child in children:
            with suppress(psutil.Error):  # it has ended by itself
                child.terminate()
        _, remaining = psutil.wait_procs(children, timeout=PATIENCE)
        for child in remaining:
            with suppress(psutil.Error):
                child.kill()
