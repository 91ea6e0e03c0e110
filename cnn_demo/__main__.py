"""The same from a shell: `python -m cnn_demo classify|localize PHOTO... [--model KEY] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from cnn_demo.images import MAX_BYTES, ImageError, Photo, read_photo
from cnn_demo.models import ModelUnavailable, find, list_models, load
from cnn_demo.models.classifiers import FITS
from cnn_demo.models.frameworks import DEVICES
from cnn_demo.models.localizers import THRESHOLD
from cnn_demo.results import Classification, Localization


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 where a photo could not be read (the others are answered all the same); 2 where the model is not to be had.
    """
    options = _parser().parse_args(arguments)
    try:
        _check_task(options.model, options.task)
        model = load(options.model, options.device)
    except (KeyError, ValueError, ModelUnavailable) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    failed = False
    for path in options.photo:
        try:
            photo = _read(path)
        except (OSError, ImageError) as error:
            failed = True
            reason = error if isinstance(error, ImageError) else error.strerror
            print(f"{path}: {reason}", file=sys.stderr)
            continue
        answer = model.predict(photo.pixels, **{name: getattr(options, name) for name in options.settings})
        if options.json:
            facts = {"photo": str(path), "model": options.model, **options.as_json(options, answer)}
            facts |= {"device": answer.device, "milliseconds": round(answer.milliseconds, 2)}
            print(json.dumps(facts), flush=True)
        else:
            print(f"{path}  ({answer.milliseconds:.0f} ms on {answer.device})")
            print("\n".join(options.as_text(options, answer)), flush=True)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnn_demo", description="Ask a network about photos.")
    commands = parser.add_subparsers(dest="command", required=True)
    classify = commands.add_parser("classify", help="what is on the photo")
    _common(classify, "classification", "cifar10_cnn")
    classify.add_argument("--fit", default="crop", choices=tuple(FITS), help="how an oblong photo becomes square")
    classify.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to name")
    classify.set_defaults(settings=("fit",), as_json=_classes_as_json, as_text=_classes_as_text)
    if list_models("localization"):
        localize = commands.add_parser("localize", help="which one object is on the photo, and where")
        _common(localize, "localization", "caltech_localizer")
        localize.add_argument("--threshold", type=_share, default=THRESHOLD, help="least probability for a box, 0 to 1")
        localize.set_defaults(settings=("threshold",), as_json=_box_as_json, as_text=_box_as_text)
    return parser


def _common(command: argparse.ArgumentParser, task: str, default: str) -> None:
    keys = [spec.key for spec in list_models(task)]
    command.set_defaults(task=task)
    command.add_argument("photo", nargs="+", type=Path, help="JPEG, PNG, WebP, AVIF or HEIC")
    command.add_argument("--model", default=default, metavar="KEY", help=f"one of {', '.join(keys)}")
    command.add_argument("--device", default="auto", choices=DEVICES)
    command.add_argument("--json", action="store_true", help="one JSON object for each photo, one a line")


def _check_task(key: str, task: str) -> None:
    if find(key).task != task:
        choices = ", ".join(spec.key for spec in list_models(task))
        raise ValueError(f"The model {key!r} is for {find(key).task}: choose one of {choices}.")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be from 0 to 1, not {text}")
    return value


def _read(path: Path) -> Photo:
    with path.open("rb") as file:
        return read_photo(file.read(MAX_BYTES + 1), path.name)  # no more than what shows that it is too large


def _classes_as_json(options: argparse.Namespace, answer: Classification) -> dict:
    label, probability = answer.top(1)[0]
    return {
        "label": label,
        "probability": round(probability, 6),
        "top": [{"label": name, "probability": round(p, 6)} for name, p in answer.top(options.top)],
    }


def _classes_as_text(options: argparse.Namespace, answer: Classification) -> Iterator[str]:
    for label, probability in answer.top(options.top):
        yield f"  {probability:6.1%}  {label}"


def _box_as_json(options: argparse.Namespace, answer: Localization) -> dict:
    return answer.as_json()


def _box_as_text(options: argparse.Namespace, answer: Localization) -> Iterator[str]:
    if answer.label is None:
        yield "  nothing that it knows"
    else:
        left, top, right, bottom = answer.box_xyxy.round().astype(int).tolist()
        yield f"  {answer.probability:6.1%}  {answer.label}, from ({left}, {top}) to ({right}, {bottom})"


if __name__ == "__main__":
    sys.exit(main())
