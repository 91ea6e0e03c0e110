"""Lesson of page 4, pretrained networks: texts, papers and misconceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.lessons import Correction, Lesson, Misconception, Paper
from cnn_demo.lessons.pretrained_experiments import EXPERIMENTS

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

MAX_STEPS = 16  # of 255: largest change of a colour value
CHANCES = 20
LOOK = 0.8  # side of each of the ten crops, relative to the photo
_FITTED = {"crop": "centre crop", "squash": "squashed", "pad": "padded with grey"}

LESSON = Lesson(
    idea="Networks **pretrained** on a million photos: compare them, explain their predictions, and fool them.",
    experiments=EXPERIMENTS,
    papers=(
        Paper(
            "Russakovsky et al.",
            2015,
            "ImageNet large scale visual recognition challenge",
            "https://arxiv.org/abs/1409.0575",
            "the photos, the 1,000 classes, and the accuracy of people",
        ),
        Paper(
            "Simonyan & Zisserman",
            2015,
            "Very deep convolutional networks for large-scale image recognition",
            "https://arxiv.org/abs/1409.1556",
            "VGG: many layers of 3 × 3 convolutions",
        ),
        Paper(
            "Sandler, Howard, Zhu, Zhmoginov & Chen",
            2018,
            "MobileNetV2: Inverted residuals and linear bottlenecks",
            "https://arxiv.org/abs/1801.04381",
            "a network small enough for phones",
        ),
        Paper(
            "Hendrycks & Dietterich",
            2019,
            "Benchmarking neural network robustness to common corruptions and perturbations",
            "https://arxiv.org/abs/1903.12261",
            "the accuracy of many networks under blur, noise and JPEG compression",
        ),
        Paper(
            "Goodfellow, Shlens & Szegedy",
            2015,
            "Explaining and harnessing adversarial examples",
            "https://arxiv.org/abs/1412.6572",
            "invisible changes that change the prediction",
        ),
        Paper(
            "Madry, Makelov, Schmidt, Tsipras & Vladu",
            2018,
            "Towards deep learning models resistant to adversarial attacks",
            "https://arxiv.org/abs/1706.06083",
            "a stronger attack, and training against it",
        ),
        Paper(
            "Selvaraju et al.",
            2017,
            "Grad-CAM: Visual explanations from deep networks via gradient-based localization",
            "https://arxiv.org/abs/1610.02391",
            "the regions of the photo that support a prediction",
        ),
        Paper(
            "Zhang et al.",
            2025,
            "Finer-CAM: Spotting the difference reveals finer details for visual explanation",
            "https://arxiv.org/abs/2501.11309",
            "the regions that support one class and not a similar one",
        ),
        Paper(
            "Collins, Achanta & Süsstrunk",
            2018,
            "Deep feature factorization for concept discovery",
            "https://arxiv.org/abs/1806.10206",
            "the parts that a layer tells apart",
        ),
        Paper(
            "Petsiuk, Das & Saenko",
            2018,
            "RISE: Randomized input sampling for explanation of black-box models",
            "https://arxiv.org/abs/1806.07421",
            "deletion and insertion curves, which test an explanation",
        ),
    ),
)


def _network() -> Classifier:
    from cnn_demo.models import load_classifier, preferred_model

    return load_classifier(preferred_model("classification").key)


def _pixels(image: np.ndarray) -> np.ndarray:
    return np.rint(image * 255).astype(np.uint8)


def _as_image(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


def _predictions(model: Classifier, pictures: np.ndarray) -> list[tuple[str, float]]:
    """The most probable class of each picture (N, h, w, 3) uint8 of the network's size, and its probability."""
    probabilities = model.probabilities(model.logits(pictures))
    return [(model.labels[row.argmax()], float(row.max())) for row in probabilities]


def _fits(image: np.ndarray) -> Correction:
    model = _network()
    pictures = np.stack([model.prepare(_pixels(image), fit) for fit in _FITTED])
    height, width = image.shape[:2]
    cropped = 1 - min(height, width) / max(height, width)
    predicted = "; ".join(
        f"{way}: “{label}” with {probability:.0%}"
        for way, (label, probability) in zip(_FITTED.values(), _predictions(model, pictures), strict=True)
    )
    side = model.spec.input_size[0]
    return Correction(
        f"A network takes a square of a fixed size: {model.spec.title} takes {side} × {side} pixels. Each photo has to "
        f"be resized first, and you choose how: a centre crop drops {cropped:.0%} of this one. The predictions are: "
        f"{predicted}.",
        tuple(
            (way.capitalize(), _as_image(seen), "clip") for way, seen in zip(_FITTED.values(), pictures, strict=True)
        ),
    )


def _shuffled(image: np.ndarray) -> Correction:
    from cnn_demo.models import load_classifier

    model = _network()
    small = load_classifier("cifar10_cnn")
    seen, draws, (label, probability), rest = _shuffled_predictions(model, image)
    best = max(range(len(rest)), key=lambda index: rest[index][1])
    *_, of_small = _shuffled_predictions(small, image)
    small_label, highest = max(of_small, key=lambda prediction: prediction[1])
    sure = sum(p > 0.5 for _, p in of_small)
    small_sentence = (
        f"{small.spec.title}, with its ten classes, predicts one with more than 50% for {sure} of {len(draws)} random "
        f"orders, and “{small_label}” with up to {highest:.0%}. "
    )
    return Correction(
        f"{model.spec.title} predicts “{label}” with {probability:.0%} for this photo. With its pixels in random order "
        f"nothing can be recognized any more, and the network still predicts a class: in {len(draws)} random orders, "
        f"“{rest[best][0]}” with {rest[best][1]:.0%} at most. {small_sentence if model is not small else ''}The "
        "probabilities of a softmax always sum to 100%: there is no class for “none of these”.",
        (
            ("The network's input", _as_image(seen), "clip"),
            (f"Shuffled: “{rest[best][0]}”, {rest[best][1]:.0%}", _as_image(draws[best]), "clip"),
        ),
    )


def _shuffled_predictions(
    model: Classifier, image: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray], tuple[str, float], list[tuple[str, float]]]:
    """A network's input, its pixels in ten random orders, the prediction for the former and those for the latter."""
    seen = model.prepare(_pixels(image))
    draws = [np.random.default_rng(seed).permutation(seen.reshape(-1, 3)).reshape(seen.shape) for seed in range(10)]
    prediction, *others = _predictions(model, np.stack([seen, *draws]))
    return seen, draws, prediction, others


def _adversarial_direction(model: Classifier, seen: np.ndarray) -> np.ndarray:
    """The direction, −1, 0 or 1 for each value of (h, w, 3), that lowers the top class most relative to the second."""
    from cnn_demo.models.explanation.attribution import pixel_gradient

    second, first = np.argsort(model.logits(seen[None])[0])[-2:]
    weights = np.zeros(len(model.labels), np.float32)
    weights[[first, second]] = 1, -1  # of the logits: the gradient is that of their difference
    return -np.sign(pixel_gradient(model, seen, weights)).astype(int)


def _adversarial(image: np.ndarray) -> Correction:
    model = _network()
    seen = model.prepare(_pixels(image))
    direction = _adversarial_direction(model, seen)
    steps = range(MAX_STEPS + 1)
    pictures = np.stack([np.clip(seen + step * direction, 0, 255).astype(np.uint8) for step in steps])
    predictions = _predictions(model, pictures)
    label, probability = predictions[0]
    turned = next((step for step in steps if predictions[step][0] != label), None)
    step = MAX_STEPS if turned is None else turned
    signs = np.random.default_rng(0).choice((-1, 1), (CHANCES, *seen.shape))
    moved = np.clip(seen + step * signs, 0, 255).astype(np.uint8)
    by_chance = sum(other != label for other, _ in _predictions(model, moved))
    other, lowered = predictions[step]
    outcome = (
        f"the prediction changes from “{label}” ({probability:.0%}) to “{other}” ({lowered:.0%})"
        if turned is not None
        else f"the prediction stays “{label}” ({probability:.0%}, now {lowered:.0%}): this photo is robust"
    )
    return Correction(
        f"Every colour value of the input of {model.spec.title} is changed by at most {step} of 255, in the direction "
        f"that lowers the predicted class (one step along the sign of the gradient, FGSM): {outcome}. Of {CHANCES} "
        f"random changes of the same size, {by_chance} change the prediction: the direction matters, and anyone who "
        "has the weights can compute it. *Fool it* finds the smallest such noise, and tries it on other networks.",
        (
            (f"“{label}”, {probability:.0%}", _as_image(seen), "clip"),
            (f"Changed by {step}: “{other}”, {lowered:.0%}", _as_image(pictures[step]), "clip"),
        ),
    )


def _ten_crops(image: np.ndarray) -> Correction:
    """The four corners and the middle, and their mirror images, as Krizhevsky et al. (2012) averaged over them."""
    model = _network()
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    rows, columns = max(1, round(LOOK * height)), max(1, round(LOOK * width))
    down, right = height - rows, width - columns
    crops = []
    for top, left in ((0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)):
        crop = model.prepare(np.ascontiguousarray(pixels[top : top + rows, left : left + columns]))
        crops += [crop, crop[:, ::-1]]
    pictures = np.stack([model.prepare(pixels), *crops])
    probabilities = model.probabilities(model.logits(pictures))
    label = model.labels[probabilities[0].argmax()]
    of_label = probabilities[1:, probabilities[0].argmax()]
    mean = probabilities[1:].mean(axis=0)
    same = int((probabilities[1:].argmax(axis=1) == probabilities[0].argmax()).sum())
    lowest, highest = int(of_label.argmin()), int(of_label.argmax())
    return Correction(
        f"{model.spec.title} predicts “{label}” with {probabilities[0].max():.0%} for the whole photo. Of ten crops, "
        f"the corners, the middle and their mirror images, each {LOOK:.0%} of its sides, {same} "
        f"{'gets' if same == 1 else 'get'} the same prediction; “{label}” has {of_label.min():.0%} to "
        f"{of_label.max():.0%}. The average of all ten is "
        f"“{model.labels[mean.argmax()]}” with {mean.max():.0%}. Such test-time augmentation is common in papers: a "
        "little more accurate, and ten times as slow.",
        (
            (f"Lowest for “{label}”: {of_label[lowest]:.0%}", _as_image(crops[lowest]), "clip"),
            (f"Highest for “{label}”: {of_label[highest]:.0%}", _as_image(crops[highest]), "clip"),
        ),
    )


MISCONCEPTIONS = (
    Misconception("“The network sees the photo as I do.”", _fits),
    Misconception("“One crop of a photo is enough.”", _ten_crops),
    Misconception("“A network tells you when it does not know.”", _shuffled),
    Misconception("“Photos that look the same to me get the same prediction.”", _adversarial),
)
