"""Train the bundled detector: YOLO11n from its own description, from random initialisation, on fifteen classes.

`python -m training.assorted_yolo --data FOLDER`; interrupted, it goes on with `--resume`. The validation parts are
never trained on, and nothing is chosen by them: the last epoch's (averaged) weights are the result, in
`runs/assorted_yolo/bundle`. Meant for a GPU.
"""

import argparse
from pathlib import Path

from cnn_demo.models import frameworks
from training.assorted import LABELS, pasted, read_assorted, write_yolo
from training.datasets import DATA

ARCHITECTURE = "yolo11n.yaml"
# Mosaic puts four photos together, and scale and translate move the result: no thing stays in the middle.
AUGMENTATION = {
    "mosaic": 1.0,
    "close_mosaic": 15,
    "scale": 0.7,
    "translate": 0.2,
    "degrees": 5.0,
    "fliplr": 0.5,
    "mixup": 0.1,
}


def main() -> None:
    """Read the arguments, train, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the archives")
    parser.add_argument("--out", type=Path, default=Path("runs/assorted_yolo"))
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--side", type=int, default=480, help="image size")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0, help="processes that read photos")
    parser.add_argument("--resume", action="store_true", help="go on after the last finished epoch")
    options = parser.parse_args()
    ultralytics, torch = frameworks.ultralytics(), frameworks.torch()
    last = options.out.resolve() / "run" / "weights" / "last.pt"
    if options.resume and last.is_file():
        model = ultralytics.YOLO(last)
        model.train(resume=True)
    else:
        training, validation = read_assorted(options.data)
        training += pasted(training, options.data)
        description = write_yolo(training, validation, options.out / "data")
        print(f"{len(training):,} photos to learn from, {len(validation):,} held back", flush=True)
        model = ultralytics.YOLO(ARCHITECTURE)
        model.train(
            data=str(description),
            epochs=options.epochs,
            imgsz=options.side,
            batch=options.batch,
            workers=options.workers,
            device="cuda" if torch.cuda.is_available() else "cpu",
            project=str(options.out.resolve()),
            name="run",
            exist_ok=True,
            pretrained=False,
            seed=0,
            plots=False,
            **AUGMENTATION,
        )
    bundle(last, options.out / "bundle")


def bundle(last: Path, folder: Path) -> None:
    """Write the last epoch's weights, averaged as training left them, as `assorted_yolo11n.safetensors`, in float16."""
    from safetensors.torch import save_file

    network = frameworks.ultralytics().YOLO(last).model.float()
    names = tuple(network.names[i] for i in range(len(network.names)))
    if names != LABELS:
        raise ValueError(f"{last} holds other classes: {', '.join(names)}.")
    state = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "assorted_yolo11n.safetensors")
    print(f"Wrote {folder}.")


if __name__ == "__main__":
    main()
