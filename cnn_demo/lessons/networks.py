"""Lesson of page 3, networks: texts, papers and misconceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from cnn_demo.convolution.effective_field import middle_side, random_influence, stack_geometry
from cnn_demo.images import sample_photos
from cnn_demo.lessons import Correction, Lesson, Misconception, Paper
from cnn_demo.lessons.network_experiments import EXPERIMENTS

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

LESSON = Lesson(
    idea="Layer by layer, pixels become edges, edges become parts, and parts become a prediction.",
    experiments=EXPERIMENTS,
    papers=(
        Paper(
            "LeCun, Bottou, Bengio & Haffner",
            1998,
            "Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
            "local receptive fields, shared weights and pooling in one network",
        ),
        Paper(
            "He, Zhang, Ren & Sun",
            2016,
            "Deep residual learning for image recognition",
            "https://arxiv.org/abs/1512.03385",
            "the blocks that this page's network is made of",
        ),
        Paper(
            "Zeiler & Fergus",
            2014,
            "Visualizing and understanding convolutional networks",
            "https://arxiv.org/abs/1311.2901",
            "the patches with the strongest activations, layer by layer",
        ),
        Paper(
            "Luo, Li, Urtasun & Zemel",
            2016,
            "Understanding the effective receptive field in deep convolutional neural networks",
            "https://arxiv.org/abs/1701.04128",
            "why the effective receptive field is smaller than the theoretical one",
        ),
        Paper(
            "Olah, Mordvintsev & Schubert",
            2017,
            "Feature visualization",
            "https://doi.org/10.23915/distill.00007",
            "images optimized to activate a channel",
        ),
        Paper(
            "Araujo, Norris & Sim",
            2019,
            "Computing receptive fields of convolutional neural networks",
            "https://doi.org/10.23915/distill.00021",
            "the arithmetic, and the receptive fields of well-known networks",
        ),
        Paper(
            "Guo, Pleiss, Sun & Weinberger",
            2017,
            "On calibration of modern neural networks",
            "https://arxiv.org/abs/1706.04599",
            "calibration of probabilities, and temperature scaling",
        ),
        Paper(
            "Hendrycks & Gimpel",
            2017,
            "A baseline for detecting misclassified and out-of-distribution examples in neural networks",
            "https://arxiv.org/abs/1610.02136",
            "how to recognize inputs that belong to none of the classes",
        ),
    ),
)

# Results of `_changed_samples`, by network and kind of variants.
_CHANGED: WeakKeyDictionary[Classifier, dict[Callable, tuple[int, int]]] = WeakKeyDictionary()


def _network() -> Classifier:
    """The preferred classifier; the page's own network has ten classes only."""
    from cnn_demo.models import load_classifier, preferred_model

    return load_classifier(preferred_model("classification").key)


def _seen(model: Classifier, image: np.ndarray) -> np.ndarray:
    """The network's input for a photo (H, W, 3) float32 in 0..1."""
    return model.prepare(np.rint(image * 255).astype(np.uint8))


def _probabilities(model: Classifier, pictures: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) for pictures (N, h, w, 3) uint8 of the network's size."""
    return model.probabilities(model.logits(pictures))


def _as_image(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) / 255


def _shift(image: np.ndarray) -> Correction:
    model = _network()
    seen = _seen(model, image)
    side = len(seen)
    max_shift, step = side // 8, side // 16
    padded = np.pad(seen, ((max_shift,) * 2, (max_shift,) * 2, (0, 0)), mode="reflect")
    offsets = [
        (down, right) for down in range(0, 2 * max_shift + 1, step) for right in range(0, 2 * max_shift + 1, step)
    ]
    pictures = np.stack([padded[down : down + side, right : right + side] for down, right in offsets])
    probabilities = _probabilities(model, pictures)
    unmoved = probabilities[offsets.index((max_shift, max_shift))]
    label = model.labels[unmoved.argmax()]
    of_label = probabilities[:, unmoved.argmax()]
    other = int((probabilities.argmax(axis=1) != unmoved.argmax()).sum())
    lowest, highest = int(of_label.argmin()), int(of_label.argmax())
    end = f"{other} times another class is predicted."
    if not other:
        count, changed = _changed_samples(model, _shifts)
        end = f"no other class is predicted. Of the {count} sample photos, {changed} get another class in such a shift."
    return Correction(
        "The output of a convolution moves along with the picture, but a stride of 2 keeps every second position only, "
        f"and the border never moves. {model.spec.title} predicts “{label}” with {unmoved.max():.0%} for this photo. "
        f"Shifted by up to {max_shift} of its {side} pixels in {len(offsets)} ways, “{label}” gets "
        f"{of_label.min():.0%} to {of_label.max():.0%}, and " + end,
        (
            (f"Lowest for “{label}”: {of_label[lowest]:.0%}", _as_image(pictures[lowest]), "clip"),
            (f"Highest for “{label}”: {of_label[highest]:.0%}", _as_image(pictures[highest]), "clip"),
        ),
    )


def _tiles(image: np.ndarray) -> Correction:
    model = _network()
    seen = _seen(model, image)
    tile = len(seen) // 4
    starts = range(0, 4 * tile, tile)
    tiles = [seen[row : row + tile, column : column + tile] for row in starts for column in starts]
    shuffled = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(tiles))
        rows = [np.concatenate([tiles[i] for i in order[start : start + 4]], axis=1) for start in range(0, 16, 4)]
        shuffled.append(np.concatenate(rows, axis=0))
    before = _probabilities(model, seen[None])[0]
    after = _probabilities(model, np.stack(shuffled))
    label = model.labels[before.argmax()]
    same = int((after.argmax(axis=1) == before.argmax()).sum())
    mean, alone = float(after[:, before.argmax()].mean()), float(before.max())
    if mean < alone / 4:
        found = "So this prediction depends on shapes larger than a tile."
    elif mean < alone:
        found = "That much comes from colours and textures inside the tiles, the rest from their arrangement."
    else:
        found = "All of it comes from colours and textures inside the tiles: their arrangement adds nothing here."
    return Correction(
        f"With this photo cut into 16 tiles that are shuffled in 20 ways, {model.spec.title} gives “{label}” "
        f"{mean:.0%} on average (unshuffled: {alone:.0%}), and it is the top prediction for {same} of the 20. {found} "
        "In general, networks rely on texture more than people do ([Geirhos et al. "
        "2019](https://arxiv.org/abs/1811.12231)). On page 4, *Cover it* shuffles patches of any size.",
        (
            ("The network's input", _as_image(seen), "clip"),
            ("Shuffled tiles, first of 20", _as_image(shuffled[0]), "clip"),
        ),
    )


def _channel(image: np.ndarray) -> Correction:
    model = _network()
    maps, pooled, kernel, bias = _averaged_maps(model, _seen(model, image))
    best = int((pooled @ kernel + bias).argmax())
    # Contribution of each channel to the predicted class, relative to the mean of all classes.
    votes = pooled * (kernel[:, best] - kernel.mean(axis=1))
    order = np.argsort(-votes)
    kept = pooled.copy()
    removed = 0
    while removed < len(order) and (kept @ kernel + bias).argmax() == best:
        kept[order[removed]] = 0
        removed += 1
    changed_to = int((kept @ kernel + bias).argmax())
    changed = model.labels[changed_to]
    in_favour = votes[votes > 0].sum() or 1.0
    half = int(np.searchsorted(np.cumsum(np.maximum(votes[order], 0)), in_favour / 2)) + 1
    if changed == model.labels[best]:
        end = "Even with all of them set to zero, the prediction is the same"
    elif removed == 1:
        runner_up = _probabilities(model, _seen(model, image)[None])[0][changed_to]
        end = f"Without the strongest, the prediction changes to “{changed}”, which has {runner_up:.0%} with it"
    else:
        end = f"The {removed} strongest have to be set to zero before the prediction changes to “{changed}”"
    return Correction(
        f"In {model.spec.title}, the logit of “{model.labels[best]}” is a sum over {len(votes):,} channels. The "
        f"strongest one has {votes[order[0]] / in_favour:.0%} of all positive contributions, the {half} "
        f"strongest together half. {end}. The tab *Switch channels off*, here and on page 4, has the channels of all "
        "layers.",
        tuple(
            (f"Channel {i}: {votes[i] / in_favour:.0%} of the positive contributions", maps[:, :, i], "stretch")
            for i in order[:2]
        ),
    )


def _averaged_maps(model: Classifier, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The last maps (h, w, C), their averages (C,), and the kernel (C, classes) and bias of the dense layer on them."""
    from cnn_demo.models.bundled_networks import last_maps
    from cnn_demo.models.explanation.feature_maps import feature_maps

    maps = feature_maps(model, seen, last_maps(model.network)._keras_history.operation.name)
    kernel, bias = model.network.layers[-1].get_weights()
    return maps, maps.mean(axis=(0, 1)), kernel, bias


def _upside_down(image: np.ndarray) -> Correction:
    model = _network()
    turned = [_seen(model, np.ascontiguousarray(np.rot90(image, quarter))) for quarter in range(4)]
    probabilities = _probabilities(model, np.stack(turned))
    labels = [model.labels[i] for i in probabilities.argmax(axis=1)]
    found = ", ".join(
        f"“{label}” with {p:.0%} {way}"
        for label, p, way in zip(
            labels, probabilities.max(axis=1), ("upright", "turned left", "upside down", "turned right"), strict=True
        )
    )
    end = "Invariance to rotation has to be built in or learned from rotated training photos."
    if len(set(labels)) == 1:
        count, changed = _changed_samples(model, _turns)
        end = (
            "The predicted class of this photo stays the same, its probability does not. Of the "
            f"{count} sample photos, {changed} get another class in one of the three rotations."
        )
    return Correction(
        f"{model.spec.title} predicts {found}. It was trained on upright photos and their mirror images only. {end}",
        (("Upright", _as_image(turned[0]), "clip"), ("Upside down", _as_image(turned[2]), "clip")),
    )


def _turns(picture: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(picture, quarter) for quarter in range(4)]


def _shifts(picture: np.ndarray) -> list[np.ndarray]:
    """The picture in its own place and shifted by an eighth of its side in eight directions."""
    step = len(picture) // 8
    padded = np.pad(picture, ((step, step), (step, step), (0, 0)), mode="reflect")
    offsets = [(step, step), *((i * step, j * step) for i in range(3) for j in range(3) if (i, j) != (1, 1))]
    return [padded[down : down + len(picture), right : right + len(picture)] for down, right in offsets]


def _changed_samples(model: Classifier, variants: Callable[[np.ndarray], list[np.ndarray]]) -> tuple[int, int]:
    """Return the number of sample photos, and of those whose class is not the same in all variants of the photo."""
    known = _CHANGED.setdefault(model, {})
    if variants not in known:
        classes = [
            model.logits(np.stack(variants(model.prepare(sample.load().pixels)))).argmax(axis=1)
            for sample in sample_photos()
        ]
        known[variants] = len(classes), sum(len(set(each.tolist())) > 1 for each in classes)
    return known[variants]


def _effective_field(image: np.ndarray) -> Correction:
    side = 64
    layers = [(3, 1, 1)] * 8
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) * 2 - 1
    influence = random_influence(small, layers, (side // 2, side // 2), draws=16)
    field = stack_geometry((side, side), layers)[-1].fields[0].size
    half = middle_side(influence, (side // 2, side // 2))
    view = slice(side // 2 - field // 2 - 1, side // 2 + field // 2 + 2)
    return Correction(
        f"Eight 3 × 3 layers have a receptive field of {field} × {field} pixels. Averaged over 16 random networks on "
        f"this photo, half of the influence on the middle unit comes from its middle {half} × {half} pixels: many "
        "paths lead to the middle of the field, and one to its corner. This is the *effective* receptive field.",
        (
            ("Receptive field, on the reduced photo", (small[view, view] + 1) / 2, "clip"),
            ("Influence of each pixel: brighter is more", influence[view, view], "stretch"),
        ),
    )


MISCONCEPTIONS = (
    Misconception("“A unit uses its whole receptive field.”", _effective_field),
    Misconception("“A CNN does not care where something is.”", _shift),
    Misconception("“A CNN recognizes objects however they are rotated.”", _upside_down),
    Misconception("“It recognizes shapes, as we do.”", _tiles),
    Misconception("“There is one channel for each class.”", _channel),
)
