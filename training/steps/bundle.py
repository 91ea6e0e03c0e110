"""Export of a finished training to `assets/weights`: weights, record and card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images.samples import FOLDER as SAMPLES
from cnn_demo.images.samples import sample_photos
from cnn_demo.models import frameworks
from cnn_demo.models.boxes import iou
from cnn_demo.models.bundled_networks import LOCALIZER_SIDE, caltech_localizer, cifar10_cnn
from cnn_demo.models.calibration import expected_calibration_error, fit_temperature, reliability_bins, softmax
from cnn_demo.models.catalogue.registry import CIFAR10_LABELS, LOCALIZER_LABELS
from cnn_demo.models.classification.classifiers import network_input
from cnn_demo.models.localization.localizers import NOTHING
from cnn_demo.models.training_records import LocalizerRecord, TrainingRecord
from training.data.datasets import BoxedPhoto, LabelledImages
from training.data.placement import squash, squashed_picture
from training.networks.localizer import LocalizerNetwork, predict_in_batches, to_keras

if TYPE_CHECKING:
    import keras
    from torch import nn

WORST = 12  # held-back photos that are recorded with their boxes


def bundle_cifar10(
    trained: nn.Module,
    history: list[dict],
    snapshots: list[np.ndarray],
    validation: LabelledImages,
    folder: Path,
    earlier: TrainingRecord | None = None,
) -> None:
    """Write `cifar10_cnn.weights.h5`, `cifar10_cnn_kernels.npz` and the files of `write_cifar10_record`.

    Args:
        trained: The torch network.
        history: Loss and accuracy of every epoch, on training and validation images.
        snapshots: Snapshots of the first layer's kernels (5, 5, 3, 32), before training and after each epoch.
        validation: Images that the network was not trained on; the temperature is fitted on all of them.
        folder: Output folder.
        earlier: Record of the training that this one continues.
    """
    network = cifar10_cnn()
    to_keras(trained, network)
    folder.mkdir(parents=True, exist_ok=True)
    network.save_weights(folder / "cifar10_cnn.weights.h5")
    rates = [epoch.get("rate", 0.0) for epoch in history]
    before = 0 if earlier is None else len(earlier.epochs)
    restarts = [before + at + 1 for at in range(1, len(rates)) if rates[at] > 1.5 * rates[at - 1]]
    taught = [before + at + 1 for at, epoch in enumerate(history) if epoch.get("teacher")]
    kernels = np.stack(snapshots)
    if earlier is not None:  # whose last epoch this training started from
        restarts = [*earlier.restarts, before + 1, *restarts]
        taught = [*([] if earlier.taught_from is None else [earlier.taught_from]), *taught]
        kernels = np.concatenate([earlier.kernels, kernels[1:]])
        history = [*earlier.epochs, *history]
    np.savez_compressed(folder / "cifar10_cnn_kernels.npz", kernels=kernels.astype(np.float16))
    write_cifar10_record(network, validation, folder, history, restarts, taught[0] if taught else None)


def write_cifar10_record(
    network: keras.Model,
    validation: LabelledImages,
    folder: Path,
    history: Sequence[dict],
    restarts: Sequence[int],
    taught_from: int | None = None,
) -> None:
    """Measure a network and write `cifar10_cnn.json` and `cifar10_cnn_validation.npz`.

    Args:
        network: The Keras network.
        validation: Images that the network was not trained on.
        folder: Output folder.
        history: Loss and accuracy of every epoch, on training and validation images.
        restarts: Epochs, counted from 1, at which the learning rate was restarted.
        taught_from: First epoch, counted from 1, in which it also learned from a teacher; None if there was none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logits = network.predict(network_input(validation.images), 500, verbose=0)
    record = {
        "labels": CIFAR10_LABELS,
        "epochs": [_rounded(epoch) for epoch in history],
        "restarts": list(restarts),
        "taught_from": taught_from,
        **measure(logits, validation.labels),
    }
    (folder / "cifar10_cnn.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    # The softmax is the same without the largest logit, and float16 is most precise near 0.
    relative = (logits - logits.max(axis=1, keepdims=True)).astype(np.float16)
    np.savez_compressed(
        folder / "cifar10_cnn_validation.npz", logits=relative, labels=validation.labels.astype(np.uint8)
    )


def bundle_localizer(
    epochs: list[Path],
    history: list[dict],
    held_out: list[BoxedPhoto],
    folder: Path,
    earlier: LocalizerRecord | None = None,
) -> None:
    """Write `caltech_localizer.weights.h5`, `caltech_localizer.json` and `caltech_localizer_samples.npz`.

    Args:
        epochs: The torch network's state before training and after each epoch; the last is bundled.
        history: Metrics after each epoch, and the image size of that epoch.
        held_out: Held-out photos, never trained on.
        folder: Output folder.
        earlier: Record of the training that this one continues.
    """
    torch = frameworks.torch()
    trained = LocalizerNetwork()
    samples = [sample for sample in sample_photos() if sample.path.parent == SAMPLES]
    sides = [history[0]["side"], *(epoch["side"] for epoch in history)]
    seen = {
        side: network_input(np.stack([squash(sample.load().pixels, side) for sample in samples])) for side in set(sides)
    }
    boxes, probabilities = [], []
    for path, side in zip(epochs, sides, strict=True):
        trained.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        logits, found = predict_in_batches(trained, seen[side])
        boxes.append(found)
        probabilities.append(softmax(logits))
    network = caltech_localizer()
    to_keras(trained, network)
    folder.mkdir(parents=True, exist_ok=True)
    network.save_weights(folder / "caltech_localizer.weights.h5")
    arrays = {"boxes": np.stack(boxes), "probabilities": np.stack(probabilities)}
    if earlier is not None:  # whose last epoch this training started from
        arrays = {name: np.concatenate([getattr(earlier, name), array[1:]]) for name, array in arrays.items()}
        history = [*earlier.epochs, *history]
    arrays = {name: array.astype(np.float16) for name, array in arrays.items()}
    np.savez_compressed(folder / "caltech_localizer_samples.npz", allow_pickle=False, **arrays)
    record = {
        "labels": [*LOCALIZER_LABELS, NOTHING],
        "epochs": [_rounded(epoch) for epoch in history],
        "samples": [sample.key for sample in samples],
        **measure_boxes(network, held_out),
    }
    (folder / "caltech_localizer.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measure_boxes(network: keras.Model, held_out: list[BoxedPhoto]) -> dict:
    """Return the metrics of the held-out photos for `LocalizerRecord`: `figures`, `overlaps` and `worst`."""
    pictures, truths = zip(*(squashed_picture(photo, LOCALIZER_SIDE) for photo in held_out), strict=True)
    outputs = network.predict(network_input(np.stack(pictures)), 61, verbose=0)
    predicted = outputs["logits"].argmax(1)
    boxes = np.clip(outputs["box"], 0, 1)
    labels = np.array([photo.label for photo in held_out])
    overlaps = iou(boxes, np.stack(truths))
    names = (*LOCALIZER_LABELS, NOTHING)
    worst = [
        {
            "photo": held_out[i].name,
            "label": names[labels[i]],
            "answer": names[predicted[i]],
            "iou": round(float(overlaps[i]), 4),
            "aspect": round(held_out[i].pixels.shape[1] / held_out[i].pixels.shape[0], 4),
            "truth": truths[i].round(4).tolist(),
            "box": boxes[i].round(4).tolist(),
        }
        for i in overlaps.argsort()[:WORST]
    ]
    return {
        "figures": {
            "accuracy": float((predicted == labels).mean()),
            "iou": float(overlaps.mean()),
            "over_50": float((overlaps > 0.5).mean()),
            "over_75": float((overlaps > 0.75).mean()),
        },
        "overlaps": {name: overlaps[labels == i].round(4).tolist() for i, name in enumerate(LOCALIZER_LABELS)},
        "worst": worst,
    }


def bundle_float16(network: nn.Module, path: Path) -> None:
    """Write the weights of a torch network as `.safetensors`, floating-point tensors in float16."""
    from safetensors.torch import save_file

    state = {name: value.half() if value.is_floating_point() else value for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.cpu().contiguous() for name, value in state.items()}, path)
    print(f"Wrote {path}.", flush=True)


def _rounded(epoch: dict) -> dict:
    numbers = {key: value for key, value in epoch.items() if key not in ("rate", "seconds", "teacher")}
    return {key: value if isinstance(value, list) else round(value, 5) for key, value in numbers.items()}


def measure(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Return the metrics of the validation images for `TrainingRecord`.

    Args:
        logits: (N, C) float32.
        labels: (N,) int.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    predicted = probabilities.argmax(1)
    confidence = probabilities.max(1)
    right = predicted == labels
    confusion = np.zeros((logits.shape[1], logits.shape[1]), int)
    np.add.at(confusion, (labels, predicted), 1)
    edges = np.linspace(0, 1, 21)
    return {
        "temperature": round(float(temperature), 5),
        "accuracy": float(right.mean()),
        "ece": crossed_calibration_error(logits, labels),
        "ece_before": float(expected_calibration_error(softmax(logits), labels)),
        "reliability": reliability_bins(probabilities, labels),
        "confusion": confusion.tolist(),
        "confidences": {
            "right": np.histogram(confidence[right], edges)[0].tolist(),
            "wrong": np.histogram(confidence[~right], edges)[0].tolist(),
        },
    }


def crossed_calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the calibration error with the temperature fitted on every other image and measured on the rest, and back.

    So no image is measured at a temperature that it helped to choose.
    """
    probabilities = np.empty_like(logits)
    halves = np.arange(len(labels)) % 2
    for half in (0, 1):
        temperature = fit_temperature(logits[halves != half], labels[halves != half])
        probabilities[halves == half] = softmax(logits[halves == half], temperature)
    return float(expected_calibration_error(probabilities, labels))
