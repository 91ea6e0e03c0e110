"""Pseudo-labels: the boxes of a published YOLO11n on photos that have none, for the everyday detector.

`python -m training.pseudo_labels --data FOLDER` writes `runs/pseudo_labels/boxes.npz`; the published weights are found
as the app finds them, in the folder that CNN_DEMO_WEIGHTS names for one. Self-training with another network's labels is
Lee, "Pseudo-label" (2013), and Xie et al., "Noisy student" (2020), https://arxiv.org/abs/1911.04252: the teacher sees
each photo large and unchanged, the student small and distorted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnn_demo.models import load_detector
from training.data.datasets import argument_parser
from training.data.everyday import LABELS, EverydayPhoto, read_unlabelled, voc_label

TEACHER = "yolo11n"
CONFIDENCE, IOU = 0.4, 0.6  # thresholds of the teacher's boxes
SIDE = 640  # image size of the teacher
OUT = Path("runs/pseudo_labels")


def main() -> None:
    """Write the boxes."""
    parser = argument_parser(__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    teacher = load_detector(TEACHER, "cpu")
    teacher.wait_for_export()
    classes = [label for label in teacher.spec.labels if voc_label(label)]
    found = {}
    for name, pixels in read_unlabelled(options.data).items():
        boxes = teacher.predict(pixels, CONFIDENCE, IOU, classes, side=SIDE)
        class_ids = [LABELS.index(voc_label(label)) for label in boxes.data.get("class_name", ())]
        found[name] = np.column_stack([boxes.xyxy, np.array(class_ids, np.float32)])
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez(options.out / "boxes.npz", allow_pickle=False, **found)
    print(f"{sum(map(len, found.values())):,} boxes on {len(found):,} photos.")


def read_pseudo_labelled(folder: Path, out: Path = OUT) -> list[EverydayPhoto]:
    """Read the photos with the boxes that `main` wrote.

    Args:
        folder: Folder with the archives.
        out: Folder that `main` wrote into.

    Raises:
        FileNotFoundError: If `main` has not run, or an archive is missing.
    """
    path = out / "boxes.npz"
    if not path.is_file():
        raise FileNotFoundError(f"There are no boxes in {out}: run `python -m training.pseudo_labels` first.")
    with np.load(path) as found:
        rows = {name: found[name].reshape(-1, 5) for name in found.files}
    return [
        EverydayPhoto(
            pixels, rows[name][:, :4], rows[name][:, 4].astype(np.int64), name, np.zeros(len(rows[name]), bool)
        )
        for name, pixels in read_unlabelled(folder).items()
    ]


if __name__ == "__main__":
    main()
