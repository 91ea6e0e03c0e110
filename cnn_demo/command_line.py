"""Command-line prediction: `python -m cnn_demo classify|localize|detect|segment PHOTO... [--model KEY]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import supervision as sv

from cnn_demo.exports.boxes import as_json, rows
from cnn_demo.exports.files import write_masks
from cnn_demo.images import ImageError, Photo, read_photo
from cnn_demo.images.validation import MAX_BYTES
from cnn_demo.models import ModelSpec, ModelUnavailable, find, list_models, load, preferred_model
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.detection.candidates import CONFIDENCE, IOU, MAX_DETECTIONS
from cnn_demo.models.frameworks import DEVICES
from cnn_demo.models.segmentation.segmenters import MODES
from cnn_demo.results import Classification, Localization, Segmentation

Answer = Classification | Localization | Segmentation | sv.Detections
SEGMENTATION = ("semantic-segmentation", "instance-segmentation")
CUTS = ("confidence", "iou", "classes", "max_detections")  # settings of object detectors


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        0; 1 if a photo could not be read (the others are still predicted); 2 if the model is unavailable or does not
        support the command.
    """
    options = _parser().parse_args(arguments)
    try:
        options.model = options.model or _preferred(options.tasks).key
        _check_task(options.model, options.tasks)
        model = load(options.model, options.device)
        settings = _settings(options)
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
            answer = model.predict(photo.pixels, **settings)
        except ValueError as error:  # a size or a class that this model does not have
            print(error, file=sys.stderr)
            return 2
        try:
            files = options.write(options, path, photo, answer)
        except OSError as error:
            print(f"{options.out}: {error.strerror}", file=sys.stderr)
            return 2
        if options.json:
            facts = {"photo": str(path), "model": options.model, **options.as_json(options, answer)}
            facts |= {"device": _device(answer), "milliseconds": round(_milliseconds(answer), 2)}
            facts |= {"files": [str(file) for file in files]} if files else {}
            print(json.dumps(facts), flush=True)
        else:
            print(f"{path}  ({_milliseconds(answer):.0f} ms on {_device(answer)})")
            print("\n".join([*options.as_text(options, answer), *(f"  {file}" for file in files)]), flush=True)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnn_demo", description="Ask a network about photos.")
    commands = parser.add_subparsers(dest="command", required=True)
    classify = commands.add_parser("classify", help="what is on the photo")
    _common(classify, "classification", default=None)
    classify.add_argument("--fit", default="crop", choices=tuple(FITS), help="how an oblong photo becomes square")
    classify.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to name")
    classify.set_defaults(settings=("fit",), as_json=_classes_as_json, as_text=_classes_as_text)
    if list_models("localization"):
        localize = commands.add_parser("localize", help="which one object is on the photo, and where")
        _common(localize, "localization", default=None)
        localize.add_argument("--threshold", type=_share, help="confidence threshold, 0 to 1; default: the model's own")
        localize.set_defaults(settings=("threshold",), as_json=_box_as_json, as_text=_box_as_text)
    detect = commands.add_parser("detect", help="all objects on the photo, and where")
    _common(detect, "detection", default=None)
    _cuts(detect)
    detect.add_argument("--side", type=_count, metavar="PIXELS", help="image size that the network sees")
    detect.set_defaults(settings=(*CUTS, "side"), as_json=_detections_as_json, as_text=_detections_as_text)
    segment = commands.add_parser("segment", help="what every pixel is, or the pixels of every object; with files")
    _common(segment, *SEGMENTATION, default=None)
    segment.add_argument("--out", type=Path, metavar="DIR", help="folder for mask, overlay, cut-out, COCO and polygons")
    segment.add_argument("--mode", default="whole", choices=tuple(MODES), help="every pixel: in one pass or in tiles")
    segment.add_argument("--side", type=_count, metavar="PIXELS", help="image size that the network sees")
    _cuts(segment, "objects: ")
    segment.set_defaults(as_json=_masks_as_json, as_text=_masks_as_text, write=_write_masks)
    commands.add_parser("fetch", help="download official weights", add_help=False)  # run by `__main__`; here for --help
    return parser


def _cuts(command: argparse.ArgumentParser, of: str = "") -> None:
    command.add_argument("--confidence", type=_share, default=CONFIDENCE, help=f"{of}confidence threshold, 0 to 1")
    command.add_argument("--iou", type=_share, default=IOU, help=f"{of}IoU threshold of NMS, 0 to 1")
    command.add_argument("--classes", nargs="+", metavar="CLASS", help=f"{of}only these; put them behind the photos")
    command.add_argument("--max-detections", type=_count, default=MAX_DETECTIONS, metavar="N", help=f"{of}at most")


def _settings(options: argparse.Namespace) -> dict:
    """Return the prediction settings; for segmentation, they depend on whether it is semantic or instance."""
    names = options.settings
    if names is None:
        names = ("mode", "side") if find(options.model).task == SEGMENTATION[0] else (*CUTS, "side")
    return {name: getattr(options, name) for name in names}


def _preferred(tasks: tuple[str, ...]) -> ModelSpec:
    for task in tasks[:-1]:
        try:
            return preferred_model(task)
        except ModelUnavailable:
            continue
    return preferred_model(tasks[-1])


def _common(command: argparse.ArgumentParser, *tasks: str, default: str | None) -> None:
    keys = [spec.key for task in tasks for spec in list_models(task)]
    command.set_defaults(tasks=tasks, settings=None, write=lambda *_: ())
    command.add_argument("photo", nargs="+", type=Path, help="JPEG, PNG, WebP, AVIF or HEIC")
    command.add_argument("--model", default=default, metavar="KEY", help=f"one of {', '.join(keys)}")
    command.add_argument("--device", default="auto", choices=DEVICES)
    command.add_argument("--json", action="store_true", help="one JSON object for each photo, one a line")


def _check_task(key: str, tasks: tuple[str, ...]) -> None:
    if find(key).task not in tasks:
        choices = ", ".join(spec.key for task in tasks for spec in list_models(task))
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


def _masks_as_json(options: argparse.Namespace, answer: Segmentation | sv.Detections) -> dict:
    if isinstance(answer, Segmentation):
        return answer.as_json()
    found = as_json(answer)
    for row, mask in zip(found["detections"], answer.mask, strict=True):
        row["pixels"] = int(mask.sum())
    return found


def _masks_as_text(options: argparse.Namespace, answer: Segmentation | sv.Detections) -> Iterator[str]:
    if isinstance(answer, sv.Detections):
        yield from _detections_as_text(options, answer)
    else:
        for label, share in answer.coverage().items():
            yield f"  {share:6.1%}  {label}"


def _write_masks(
    options: argparse.Namespace, path: Path, photo: Photo, answer: Segmentation | sv.Detections
) -> tuple[Path, ...]:
    if options.out is None:
        return ()
    return write_masks(options.out, path, photo.pixels, answer, find(options.model).labels)
