"""The same from a shell: `python -m cnn_demo classify|localize|detect PHOTO... [--model KEY] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import supervision as sv

from cnn_demo.exports import as_json, rows
from cnn_demo.images import MAX_BYTES, ImageError, Photo, read_photo
from cnn_demo.models import ModelUnavailable, find, list_models, load, preferred_model
from cnn_demo.models.candidates import CONFIDENCE, IOU, MAX_DETECTIONS
from cnn_demo.models.classifiers import FITS
from cnn_demo.models.frameworks import DEVICES
from cnn_demo.models.localizers import THRESHOLD
from cnn_demo.results import Classification, Localization

Answer = Classification | Localization | sv.Detections


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 where a photo could not be read (the others are answered all the same); 2 where the model is not to be
        had or cannot do that.
    """
    options = _parser().parse_args(arguments)
    try:
        options.model = options.model or preferred_model(options.task).key
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
        try:
            answer = model.predict(photo.pixels, **{name: getattr(options, name) for name in options.settings})
        except ValueError as error:  # a size or a class that this model does not have
            print(error, file=sys.stderr)
            return 2
        if options.json:
            facts = {"photo": str(path), "model": options.model, **options.as_json(options, answer)}
            facts |= {"device": _device(answer), "milliseconds": round(_milliseconds(answer), 2)}
            print(json.dumps(facts), flush=True)
        else:
            print(f"{path}  ({_milliseconds(answer):.0f} ms on {_device(answer)})")
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
    detect = commands.add_parser("detect", help="all objects on the photo, and where")
    _common(detect, "detection", None)
    detect.add_argument("--confidence", type=_share, default=CONFIDENCE, help="least confidence of a box, 0 to 1")
    detect.add_argument("--iou", type=_share, default=IOU, help="NMS: greatest IoU of two boxes of a class, 0 to 1")
    detect.add_argument("--classes", nargs="+", metavar="CLASS", help="only these; put them behind the photos")
    detect.add_argument("--max-detections", type=_count, default=MAX_DETECTIONS, metavar="N", help="at most so many")
    detect.add_argument("--side", type=_count, metavar="PIXELS", help="image size that the network sees")
    settings = ("confidence", "iou", "classes", "max_detections", "side")
    detect.set_defaults(settings=settings, as_json=_detections_as_json, as_text=_detections_as_text)
    return parser


def _common(command: argparse.ArgumentParser, task: str, default: str | None) -> None:
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


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return value


def _device(answer: Answer) -> str:
    return answer.metadata["device"] if isinstance(answer, sv.Detections) else answer.device


def _milliseconds(answer: Answer) -> float:
    return answer.metadata["milliseconds"] if isinstance(answer, sv.Detections) else answer.milliseconds


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


def _detections_as_json(options: argparse.Namespace, answer: sv.Detections) -> dict:
    return as_json(answer)


def _detections_as_text(options: argparse.Namespace, answer: sv.Detections) -> Iterator[str]:
    if not len(answer):
        yield "  nothing that it knows"
    for row in rows(answer):
        left, top, right, bottom = (round(row[side]) for side in ("xmin", "ymin", "xmax", "ymax"))
        yield f"  {row['confidence']:6.1%}  {row['class']}, from ({left}, {top}) to ({right}, {bottom})"


if __name__ == "__main__":
    sys.exit(main())
