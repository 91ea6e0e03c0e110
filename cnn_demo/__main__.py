"""The same from a shell: `python -m cnn_demo classify PHOTO... [--model KEY] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from cnn_demo.images import MAX_BYTES, ImageError, Photo, read_photo
from cnn_demo.models import ModelUnavailable, list_models, load
from cnn_demo.models.classifiers import FITS
from cnn_demo.models.frameworks import DEVICES
from cnn_demo.results import Classification


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 where a photo could not be read (the others are answered all the same); 2 where the model is not to be had.
    """
    options = _parser().parse_args(arguments)
    try:
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
        answer = model.predict(photo.pixels, fit=options.fit)
        if options.json:
            print(json.dumps(_as_json(path, options, answer)), flush=True)
        else:
            print("\n".join(_as_text(path, options.top, answer)), flush=True)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnn_demo", description="Ask a network about photos.")
    commands = parser.add_subparsers(dest="command", required=True)
    classify = commands.add_parser("classify", help="what is on the photo")
    keys = [spec.key for spec in list_models("classification")]
    classify.add_argument("photo", nargs="+", type=Path, help="JPEG, PNG, WebP, AVIF or HEIC")
    classify.add_argument("--model", default="cifar10_cnn", metavar="KEY", help=f"one of {', '.join(keys)}")
    classify.add_argument("--device", default="auto", choices=DEVICES)
    classify.add_argument("--fit", default="crop", choices=tuple(FITS), help="how an oblong photo becomes square")
    classify.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to name")
    classify.add_argument("--json", action="store_true", help="one JSON object for each photo, one a line")
    return parser


def _read(path: Path) -> Photo:
    with path.open("rb") as file:
        return read_photo(file.read(MAX_BYTES + 1), path.name)  # no more than what shows that it is too large


def _as_json(path: Path, options: argparse.Namespace, answer: Classification) -> dict:
    label, probability = answer.top(1)[0]
    return {
        "photo": str(path),
        "model": options.model,
        "label": label,
        "probability": round(probability, 6),
        "top": [{"label": name, "probability": round(p, 6)} for name, p in answer.top(options.top)],
        "device": answer.device,
        "milliseconds": round(answer.milliseconds, 2),
    }


def _as_text(path: Path, top: int, answer: Classification) -> Iterator[str]:
    yield f"{path}  ({answer.milliseconds:.0f} ms on {answer.device})"
    for label, probability in answer.top(top):
        yield f"  {probability:6.1%}  {label}"


if __name__ == "__main__":
    sys.exit(main())
