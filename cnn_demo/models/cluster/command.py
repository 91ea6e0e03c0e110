"""Command-line deployment of networks on a Ray cluster: `python -m cnn_demo cluster [KEY...]`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from cnn_demo.models import find, preferred_model
from cnn_demo.models.catalogue.specs import TASKS, ModelSpec, ModelUnavailable
from cnn_demo.models.cluster.client import deploy
from cnn_demo.models.cluster.settings import Settings, bounds, settings_here
from cnn_demo.models.warm_up import COMPARED, WALK
from cnn_demo.terminal import Parser

_EPILOG = """\
It connects to the cluster that RAY_ADDRESS names, or to the one on this machine. A network that runs already gets the
new settings. The exit status is 0 if all networks run, 1 if one does not, and 2 if the options are wrong. docs/scale.md
describes clusters of several machines.
"""


def main(arguments: list[str] | None = None) -> int:
    """Deploy networks, and wait until they are ready.

    Args:
        arguments: Keys and options; None for those of the shell.

    Returns:
        The exit status: 0 if all networks run, 1 if one does not, 2 if the options are wrong.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = _settings(options)
        specs = [find(key) for key in options.keys] or _defaults()
    except (KeyError, ValueError) as error:
        parser.error(str(error.args[0]))
    except ModelUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    failed = 0
    for spec in specs:
        try:
            deploy(spec, settings)
        except ModelUnavailable as error:
            failed = 1
            print(error, file=sys.stderr)
            continue
        replicas = {settings.min_replicas, settings.max_replicas}
        cores = "1 core" if settings.cpus == 1 else f"{settings.cpus} cores"
        print(
            f"{spec.key} runs: {' to '.join(map(str, sorted(replicas)))} replicas with {cores} and "
            f"{settings.gpus:g} GPUs each, batches of up to {settings.batch}, {settings.queue} requests may wait"
        )
    return failed


def _defaults() -> list[ModelSpec]:
    """The networks with which the pages begin: that of each task, and those of pages 3 and 4."""
    return list(dict.fromkeys([*(preferred_model(task) for task in TASKS), *map(find, (*COMPARED, WALK))]))


def _settings(options: argparse.Namespace) -> Settings:
    given = {name: getattr(options, name) for name in ("batch", "queue", "cpus", "gpus")}
    changes = {name: value for name, value in given.items() if value is not None}
    if options.replicas is not None:
        changes["min_replicas"], changes["max_replicas"] = bounds(options.replicas)
    return replace(settings_here(), **changes)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m cnn_demo cluster",
        description="Deploy networks on a Ray cluster; without a key, those with which the pages begin.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="key of a network, such as everyday_detector")
    parser.add_argument("--replicas", metavar="N:M", help="at least N and at most M processes for each network")
    parser.add_argument("--batch", type=int, help="photos in a batch at most; 1 for no batches")
    parser.add_argument("--queue", type=int, help="requests of one app that may wait")
    parser.add_argument("--cpus", type=int, help="cores of each process")
    parser.add_argument("--gpus", type=float, help="part of a GPU for each process, such as 0.25")
    return parser
