"""Command-line prediction: `python -m cnn_demo classify|localize|detect|segment PHOTO... [--model KEY]`."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import supervision as sv

from cnn_demo.commands import COMMANDS, Command
from cnn_demo.exports.files import unique_stems
from cnn_demo.exports.full_size import file_size
from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.validation import ACCEPTED, MAX_BYTES
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models, load, preferred_model
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.models.frameworks import DEVICE_CHOICES
from cnn_demo.models.segmentation.segmenters import PhotoTooLong
from cnn_demo.results import Classification, Localization, Segmentation
from cnn_demo.terminal import Parser, complain, say


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if a photo could not be read (the others are still predicted); 2 if the model is unavailable or does not
        support the command.
    """
    options = _parser().parse_args(arguments)
    try:
        options.model = options.model or _preferred(options.run.tasks).key
        _check_task(options.model, options.run.tasks)
        model = load(options.model, options.device)
        command: Command[Any] = options.run(options)
        settings = command.settings()
    except (KeyError, ValueError, ModelUnavailable) as error:
        complain(error.args[0])
        return 2
    failed = False
    for path, stem in zip(options.photo, unique_stems(options.photo), strict=True):
        try:
            photo = _read(path)
        except (OSError, ImageError) as error:
            failed = True
            reason = error if isinstance(error, ImageError) else error.strerror
            complain(f"{path}: {reason}")
            continue
        try:
            prediction = model.predict(photo.pixels, **settings)
        except PhotoTooLong as error:
            failed = True
            complain(f"{path}: {error}")
            continue
        except ValueError as error:  # a size or a class that this model does not have
            complain(error)
            return 2
        try:
            files = command.write(stem, photo, prediction)
        except OSError as error:
            complain(f"{options.out}: {error.strerror}")
            return 2
        prediction = command.in_file(photo, prediction)
        if options.json:
            height, width = file_size(photo)
            record = {"photo": str(path), "width": width, "height": height, "model": options.model}
            record |= command.as_json(prediction)
            record |= {"device": _device(prediction), "milliseconds": round(_milliseconds(prediction), 2)}
            record |= {"files": [str(file) for file in files]} if files else {}
            say(json.dumps(record))
        else:
            say(f"{path}  ({_milliseconds(prediction):.0f} ms on {_device(prediction)})")
            for line in [*command.as_text(prediction), *(f"  {file}" for file in files)]:
                say(line)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m cnn_demo", description="Predict on photos with one of the models.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.summary)
        subparser.set_defaults(run=command)
        _common(subparser, command.tasks)
        command.add_options(subparser)
    commands.add_parser("fetch", help="download official weights", add_help=False)  # run by `__main__`; here for --help
    commands.add_parser("serve", help="serve the pages", add_help=False)  # the same
    return parser


def _common(parser: argparse.ArgumentParser, tasks: tuple[Task, ...]) -> None:
    keys = [spec.key for task in tasks for spec in list_models(task)]
    parser.add_argument("photo", nargs="+", type=Path, help=ACCEPTED)
    parser.add_argument("--model", metavar="KEY", help=f"one of {', '.join(keys)}")
    parser.add_argument("--device", default="auto", choices=DEVICE_CHOICES)
    parser.add_argument("--json", action="store_true", help="one JSON object for each photo, one a line")


def _preferred(tasks: tuple[Task, ...]) -> ModelSpec:
    for task in tasks[:-1]:
        try:
            return preferred_model(task)
        except ModelUnavailable:
            continue
    return preferred_model(tasks[-1])


def _check_task(key: str, tasks: tuple[Task, ...]) -> None:
    if find(key).task not in tasks:
        choices = ", ".join(spec.key for task in tasks for spec in list_models(task))
        raise ValueError(f"The model {key!r} is for {find(key).task}: choose one of {choices}.")


def _device(prediction: Classification | Localization | Segmentation | sv.Detections) -> str:
    return prediction.metadata["device"] if isinstance(prediction, sv.Detections) else prediction.device


def _milliseconds(prediction: Classification | Localization | Segmentation | sv.Detections) -> float:
    return prediction.metadata["milliseconds"] if isinstance(prediction, sv.Detections) else prediction.milliseconds


def _read(path: Path) -> Photo:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)  # only as much as shows that it is too large
    return replace(read_photo(data, path.name), data=data)
