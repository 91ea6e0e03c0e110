"""From a finished training to the files under `assets/weights` that are committed: weights, record and card."""

import json
from pathlib import Path

import numpy as np

from cnn_demo.models.calibration import expected_calibration_error, fit_temperature, reliability_bins, softmax
from cnn_demo.models.classifiers import network_input
from cnn_demo.models.networks import cifar10_cnn, fold_batch_norm
from cnn_demo.models.registry import CIFAR10_LABELS
from training.datasets import LabelledImages


def bundle_cifar10(
    trained,
    history: list[dict],
    restarts: list[int],
    snapshots: list[np.ndarray],
    validation: LabelledImages,
    folder: Path,
) -> None:
    """Write `cifar10_cnn.weights.h5`, `cifar10_cnn.json` and `cifar10_cnn_kernels.npz`.

    Args:
        trained: The Keras network with batch normalization.
        history: Of every epoch loss, accuracy and the same of the validation images.
        restarts: Epochs, counted from 1, for which the learning rate was raised anew.
        snapshots: Of the first layer's kernels (5, 5, 3, 32), before training and after each epoch.
        validation: What it was never trained on; the temperature is fitted on all of it.
        folder: Where to.
    """
    network = cifar10_cnn()
    fold_batch_norm(trained, network)
    folder.mkdir(parents=True, exist_ok=True)
    network.save_weights(folder / "cifar10_cnn.weights.h5")
    np.savez_compressed(folder / "cifar10_cnn_kernels.npz", kernels=np.stack(snapshots).astype(np.float16))
    logits = network.predict(network_input(validation.images), 500, verbose=0)
    record = {
        "labels": CIFAR10_LABELS,
        "epochs": [{key: round(value, 5) for key, value in epoch.items() if key != "seconds"} for epoch in history],
        "restarts": restarts,
        **measure(logits, validation.labels),
    }
    (folder / "cifar10_cnn.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def measure(logits: np.ndarray, labels: np.ndarray) -> dict:
    """Return what `TrainingRecord` holds of the validation images.

    Args:
        logits: (N, C) float32.
        labels: (N,) int.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits, temperature)
    answers, confidence = probabilities.argmax(1), probabilities.max(1)
    right = answers == labels
    confusion = np.zeros((logits.shape[1], logits.shape[1]), int)
    np.add.at(confusion, (labels, answers), 1)
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
