"""Command-line explanations: `python -m cnn_demo explain PHOTO... --task TASK --out DIR`."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cnn_demo.command_line import WrongSetting, check_task, for_each_photo, preferred, read_file
from cnn_demo.explaining.classes import ExplainClass
from cnn_demo.explaining.probed import ExplainBox, ExplainObject, ExplainPixel
from cnn_demo.explaining.tasks import Explained, ExplainTask
from cnn_demo.exports.explanation import write_explanation
from cnn_demo.exports.full_size import file_facts
from cnn_demo.images.validation import ACCEPTED
from cnn_demo.models import ModelUnavailable, load
from cnn_demo.models.classification.classifiers import FITS
from cnn_demo.models.explanation.curves import Curve
from cnn_demo.models.explanation.masking import MASKS
from cnn_demo.models.explanation.targets import PARTS
from cnn_demo.models.frameworks import DEVICE_CHOICES
from cnn_demo.models.model import SettingError
from cnn_demo.option_types import count, fraction, image_side, index
from cnn_demo.terminal import Parser, complain
from cnn_demo.unused_options import refuse

Kind: TypeAlias = type[ExplainClass] | type[ExplainObject] | type[ExplainBox] | type[ExplainPixel]
KINDS: tuple[Kind, ...] = (ExplainClass, ExplainObject, ExplainBox, ExplainPixel)
TASKS = {kind.name: kind for kind in KINDS}
EPILOG = """\
Of each photo NAME, three files are written to the folder --out: NAME_heatmap.png, the heatmap over the photo;
NAME_map.png, the map itself in 16-bit grey; and NAME_explanation.json with the target, its scores, the milliseconds,
the deletion and insertion curves, and the versions of all packages. All are in the size of the photo's file.

scores in the JSON, from 0 to 1, which mean the same for every method:
  class_score  score of the target's class on the photo: its probability (classify, localize), its score at the cell or
               region that predicts the box (detect), or its probability at the pixel (segment)
  box_iou      IoU of the box that is predicted on the photo with the box that is explained, 1 or nearly so: the value
               at which the deletion curve begins; null unless --part is the box or one of its sides
  curves_show  which of the two the deletion and insertion curves show

exit status:
  0    every photo has its explanation
  1    some photos have none: each is named on stderr with the reason, such as fewer objects than --index, and the
       others have theirs
  2    nothing can be explained: an option, the model, the method, the class, the folder --out or a CNN_DEMO_
       variable is wrong
  130  interrupted by Ctrl-C
  141  the reader of the output has gone, as after `| head`
"""


def main(arguments: list[str] | None = None) -> int:
    """Explain one prediction of each photo.

    Returns:
        The exit status, as `EPILOG` describes it.
    """
    options = _parser().parse_args(arguments)
    kind = TASKS[options.task]
    try:
        _check_options(options)
        options.model = options.model or preferred(kind.tasks).key
        check_task(options.model, kind.tasks)
        task = kind(load(options.model, options.device), options)
    except (KeyError, ValueError, ModelUnavailable) as error:
        complain(error.args[0])
        return 2
    return for_each_photo(options.photo, partial(_answer, task), "explained")


def _answer(task: ExplainTask, path: Path, stem: str) -> list[str]:
    """Explain a photo, write its files, and return the lines to print.

    Raises:
        WrongSetting: If no photo can be explained in this way.
        Exception: If this photo cannot be read or explained.
    """
    options = task.options
    photo = read_file(path)
    try:
        found = task.explain(photo)
    except SettingError as error:  # a size or a layer that this model does not have
        raise WrongSetting(str(error)) from error
    facts: dict[str, Any] = {
        **file_facts(photo),
        "sha256": photo.sha256,
        "model": options.model,
        "task": task.name,
        "target": dict(found.target),
        "method": task.method,
        "layer": found.layer,
        "class_score": round(found.class_score, 6),
        "box_iou": None if found.box_iou is None else round(found.box_iou, 6),
        "curves_show": "class_score" if found.box_iou is None else "box_iou",
        "milliseconds": round(found.milliseconds, 2),
        "device": task.model.device,
        "deletion": _curve(found.deletion),
        "insertion": _curve(found.insertion),
        "versions": dict(found.versions),
    }
    try:
        files = write_explanation(options.out, stem, photo, found.map, facts, found.boxes_xyxy)
    except OSError as error:
        raise WrongSetting(f"{options.out}: {error.strerror}") from error
    if options.json:
        return [json.dumps(facts | {"photo": str(path), "files": [str(file) for file in files]})]
    return _lines(task, path, found, files)


def _lines(task: ExplainTask, path: Path, found: Explained, files: tuple[Path, ...]) -> list[str]:
    layer = "" if found.layer is None else f" at {found.layer}"
    lines = [
        f"{path}  ({found.milliseconds:.0f} ms on {task.model.device})",
        f"  {found.title}, by {task.methods[task.method].title}{layer}",
    ]
    if "cell" in found.target:
        level, cell = found.target["level"], found.target["cell"]
        lines.append(
            f"  predicted by the cell in row {cell['row'] + 1}, column {cell['column'] + 1} of the {level['rows']} × "
            f"{level['columns']} grid of stride {level['stride']}"
        )
    if not found.map.any():
        lines.append("  the map is zero everywhere: no evidence")
    lines.append(f"  area under the deletion curve {found.deletion.area:.3f}, insertion {found.insertion.area:.3f}")
    return [*lines, *(f"  {file}" for file in files)]


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "area": round(curve.area, 4),
        "fraction": np.round(curve.fraction, 4).tolist(),
        "score": np.round(curve.score.astype(float), 4).tolist(),
    }


def _parser() -> Parser:
    parser = Parser(
        prog="python -m cnn_demo explain",
        description="Draw which pixels one prediction depends on, and test the map.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    methods = "; ".join(f"{name}: {', '.join(TASKS[name].methods)}" for name in ("classify", "detect"))
    add = parser.add_argument
    add("photo", nargs="+", type=Path, help=ACCEPTED)
    add("--task", required=True, choices=tuple(TASKS), help="command whose prediction is explained")
    add("--out", required=True, type=Path, metavar="DIR", help="folder for the files")
    add("--model", metavar="KEY", help="a model of this task; default: the task's own")
    add("--method", metavar="METHOD", help=f"{methods}; localize and segment have those of detect; default: layer_cam")
    add("--layer", metavar="LAYER", help="of methods that use feature maps: the layer; default: the recommended one")
    add("--device", default="auto", choices=DEVICE_CHOICES)
    add("--json", action="store_true", help="print one JSON object for each photo, one a line")
    add("--class", dest="class_name", metavar="NAME", help="this class; detect: only boxes of this class")
    add(
        "--index",
        type=index,
        metavar="N",
        help="classify: rank of the class; detect: number of the box, 0 being the most confident; default: 0",
    )
    add("--fit", choices=tuple(FITS), help="classify: how an oblong photo becomes square; default: crop")
    add("--pixel", nargs=2, type=index, metavar=("X", "Y"), help="segment: the pixel, counted in the photo's file")
    add("--part", choices=PARTS, help="localize, detect: what to explain of the box; default: class")
    add("--masks", type=count, metavar="N", help=f"d_rise: number of masks; default: {MASKS}")
    add(
        "--side",
        type=image_side,
        metavar="PIXELS",
        help="detect, segment: size to which the photo is resized for the network",
    )
    add("--confidence", type=fraction, help="detect: confidence threshold, 0 to 1; default: the model's own")
    add("--iou", type=fraction, help="detect: IoU threshold of NMS, 0 to 1; default: that of detect")
    return parser


def _check_options(options: argparse.Namespace) -> None:
    """Refuse options of other tasks.

    Raises:
        ValueError: If there is one.
    """
    known = {name for task in TASKS.values() for name in task.options_used}
    refuse(options, sorted(known - set(TASKS[options.task].options_used)), f"with --task {options.task}")
