"""Command-line prediction: `python -m cnn_demo classify|localize|detect|segment PHOTO... [--model KEY]`."""

from __future__ import annotations

import argparse
import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import supervision as sv

from cnn_demo.commands import COMMANDS, Command
from cnn_demo.environment import DEBUG, is_on
from cnn_demo.exports.files import unique_stems
from cnn_demo.exports.full_size import file_size
from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.validation import ACCEPTED, MAX_BYTES
from cnn_demo.models import Model, ModelSpec, ModelUnavailable, find, list_models, load, preferred_model
from cnn_demo.models.catalogue.specs import Task
from cnn_demo.models.frameworks import DEVICE_CHOICES
from cnn_demo.models.model import SettingError
from cnn_demo.models.segmentation.segmenters import PhotoTooLong
from cnn_demo.results import Classification, Localization, Segmentation
from cnn_demo.terminal import Parser, complain, say

EPILOG = """\
exit status:
  0    every photo has its prediction
  1    some photos have none: each is named on stderr with the reason, and the others have theirs
  2    nothing can be predicted: the options, the model, the device, the folder --out or a CNN_DEMO_ variable is wrong
  130  interrupted by Ctrl-C
  141  the reader of the output has gone, as after `| head`
"""


class WrongSetting(Exception):
    """Stops a command, since all further photos would fail as well."""


class NoPrediction(Exception):
    """A photo has none; the message is the reason, in one line."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status, as `EPILOG` describes it.
    """
    options = _parser().parse_args(arguments)
    try:
        options.model = options.model or preferred(options.run.tasks).key
        check_task(options.model, options.run.tasks)
        model = load(options.model, options.device)
        command: Command[Any] = options.run(options)
        command.check(model)
        settings = command.settings()
    except (KeyError, ValueError, ModelUnavailable) as error:
        complain(error.args[0])
        return 2
    return for_each_photo(options.photo, partial(_answer, model, command, settings))


def for_each_photo(
    photos: Sequence[Path], answer: Callable[[Path, str], list[str]], processed: str = "predicted"
) -> int:
    """Print the lines of each photo, or the reason why it has none.

    Args:
        photos: The photos' files.
        answer: Function that returns the lines of a file, and gets a unique stem for the files that it writes. It
            raises `WrongSetting` if all further photos would fail as well, and any other error for this one.
        processed: Participle in the message on an unexpected error: "it could not be ...".

    Returns:
        The exit status, as `EPILOG` describes it.
    """
    failed = False
    for path, stem in zip(photos, unique_stems(photos), strict=True):
        try:
            lines = answer(path, stem)
        except WrongSetting as error:
            complain(error)
            return 2
        except Exception as error:  # whatever is wrong with this photo, the next one may be fine
            failed = True
            complain(f"{path}: {reason_of(error, processed)}")
            continue
        for line in lines:
            say(line)
    return int(failed)


def _answer(model: Model, command: Command[Any], settings: dict[str, Any], path: Path, stem: str) -> list[str]:
    """Return the lines of one photo's prediction, and write its files.

    Raises:
        WrongSetting: If no photo can be predicted in this way.
        Exception: If this photo cannot be read or predicted.
    """
    options = command.options
    photo = read_file(path)
    try:
        prediction = model.predict(photo.pixels, **settings)
    except SettingError as error:  # a size or a class that this model does not have
        raise WrongSetting(str(error)) from error
    try:
        files = command.write(stem, photo, prediction)
    except OSError as error:
        raise WrongSetting(f"{options.out}: {error.strerror}") from error
    prediction = command.in_file(photo, prediction)
    if not options.json:
        first = f"{path}  ({_milliseconds(prediction):.0f} ms on {_device(prediction)})"
        return [first, *command.as_text(prediction), *(f"  {file}" for file in files)]
    height, width = file_size(photo)
    record = {"photo": str(path), "width": width, "height": height, "model": options.model}
    record |= command.as_json(prediction)
    record |= {"device": _device(prediction), "milliseconds": round(_milliseconds(prediction), 2)}
    record |= {"files": [str(file) for file in files]} if files else {}
    return [json.dumps(record)]


def reason_of(error: Exception, processed: str = "predicted") -> str:
    """Return why a photo has no prediction, in one line."""
    if isinstance(error, ImageError | PhotoTooLong | NoPrediction):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if is_on(DEBUG, default=False):
        traceback.print_exception(error)
    return f"it could not be {processed} ({type(error).__name__}: {error})"


def _parser() -> argparse.ArgumentParser:
    shown: dict[str, Any] = {"epilog": EPILOG, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = Parser(prog="python -m cnn_demo", description="Predict on photos with one of the models.", **shown)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.summary, **shown)
        subparser.set_defaults(run=command)
        _common(subparser, command.tasks)
        command.add_options(subparser)
    # `__main__` runs these; they are here for --help.
    commands.add_parser("explain", help="draw which pixels one prediction depends on", add_help=False)
    commands.add_parser("fetch", help="download official weights", add_help=False)
    commands.add_parser("serve", help="serve the pages", add_help=False)
    commands.add_parser("prepare", help="convert the bundled networks once, so that they load faster", add_help=False)
    commands.add_parser("cluster", help="deploy networks on a Ray cluster", add_help=False)
    return parser


def _common(parser: argparse.ArgumentParser, tasks: tuple[Task, ...]) -> None:
    keys = [spec.key for task in tasks for spec in list_models(task)]
    parser.add_argument("photo", nargs="+", type=Path, help=ACCEPTED)
    parser.add_argument("--model", metavar="KEY", help=f"one of {', '.join(keys)}")
    parser.add_argument("--device", default="auto", choices=DEVICE_CHOICES)
    parser.add_argument("--json", action="store_true", help="one JSON object for each photo, one a line")


def preferred(tasks: tuple[Task, ...]) -> ModelSpec:
    """Return the default model of the first of several tasks that has one on this machine.

    Raises:
        ModelUnavailable: If there is none.
    """
    for task in tasks[:-1]:
        try:
            return preferred_model(task)
        except ModelUnavailable:
            continue
    return preferred_model(tasks[-1])


def check_task(key: str, tasks: tuple[Task, ...]) -> None:
    """Check that a model is for one of these tasks.

    Raises:
        KeyError: If there is no such model.
        ValueError: If it is for another task.
    """
    if find(key).task not in tasks:
        choices = ", ".join(spec.key for task in tasks for spec in list_models(task))
        raise ValueError(f"The model {key!r} is for {find(key).task}: choose one of {choices}.")


def _device(prediction: Classification | Localization | Segmentation | sv.Detections) -> str:
    return prediction.metadata["device"] if isinstance(prediction, sv.Detections) else prediction.device


def _milliseconds(prediction: Classification | Localization | Segmentation | sv.Detections) -> float:
    return prediction.metadata["milliseconds"] if isinstance(prediction, sv.Detections) else prediction.milliseconds


def read_file(path: Path) -> Photo:
    """Read a photo, and keep the bytes of its file.

    Raises:
        ImageError: If it is no photo that can be read.
        OSError: If there is no such file, or it cannot be opened.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)  # only as much as shows that it is too large
    return replace(read_photo(data, path.name), data=data)
