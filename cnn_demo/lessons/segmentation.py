"""What page 7 teaches: its texts, its experiments and the misconceptions it answers on the visitor's own photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.drawing import reduced
from cnn_demo.lessons import Answer, Experiment, Lesson, Misconception, Paper

if TYPE_CHECKING:
    from cnn_demo.models.segmenters import SemanticSegmenter
    from cnn_demo.results import Segmentation

SIDE = 480  # pixels of the longer side of the photos that misconceptions are answered on

LESSON = Lesson(
    idea=(
        "**Segmentation** says for every pixel what it belongs to. *Semantic* segmentation names its class; *instance* "
        "segmentation also says which of several objects it is. Switch classes on and off, see where the network is "
        "unsure, and open it to see how a coarse idea becomes a fine outline."
    ),
    experiments=(
        Experiment(
            "Every pixel a class",
            "Drag the opacity, switch classes off, point at the photo. The network learned from one town, seen from a "
            "car; look where this street confuses it.",
            {"task": "Every pixel", "segmenter": "street_unet"},
            photo="bus",
        ),
        Experiment(
            "Where is it unsure?",
            "Drag the threshold: what is left blank first are borders, hair, and what the network does not know.",
            {"task": "How sure", "sure_blank": 90},
            photo="chelsea",
        ),
        Experiment(
            "Nobody says where",
            "All skips are off: the network still knows what there is, but its outline is a blob. Switch them on.",
            {"task": "Inside a U-Net", "skips_on": []},
            photo="chelsea",
        ),
        Experiment(
            "A checkerboard",
            "A kernel of 3 and a stride of 2: neighbours get 1, 2 or 4 stamps. Set the kernel to 4, and it is gone.",
            {"task": "Upsampling", "up_kernel": 3, "up_times": 16},
            photo="chelsea",
        ),
        Experiment(
            "Paint it yourself",
            "Paint the animal as well as you can. IoU and Dice hardly mind the outline; the boundary F-score does.",
            {"task": "Paint it yourself", "paint_way": "Polygon"},
            photo="chelsea",
        ),
    ),
    papers=(
        Paper(
            "Long, Shelhamer & Darrell",
            2015,
            "Fully convolutional networks for semantic segmentation",
            "https://arxiv.org/abs/1411.4038",
            "a classifier made to answer at every place",
        ),
        Paper(
            "Ronneberger, Fischer & Brox",
            2015,
            "U-Net: Convolutional networks for biomedical image segmentation",
            "https://arxiv.org/abs/1505.04597",
            "down, up again, and the skips across",
        ),
        Paper(
            "He, Gkioxari, Dollár & Girshick",
            2017,
            "Mask R-CNN",
            "https://arxiv.org/abs/1703.06870",
            "find each object, then its mask",
        ),
        Paper(
            "Chen, Papandreou, Schroff & Adam",
            2017,
            "Rethinking atrous convolution for semantic image segmentation",
            "https://arxiv.org/abs/1706.05587",
            "DeepLabV3: dilation instead of shrinking",
        ),
        Paper(
            "Odena, Dumoulin & Olah",
            2016,
            "Deconvolution and checkerboard artifacts",
            "https://doi.org/10.23915/distill.00003",
            "where checkerboards come from",
        ),
        Paper(
            "Bolya, Zhou, Xiao & Lee",
            2019,
            "YOLACT: Real-time instance segmentation",
            "https://arxiv.org/abs/1904.02689",
            "masks as mixtures of prototypes, as in YOLO",
        ),
    ),
)


def _segmenter() -> SemanticSegmenter:
    from cnn_demo.models import load, preferred_model

    return load(preferred_model("semantic-segmentation").key)


def _pixels(image: np.ndarray) -> np.ndarray:
    return reduced(np.rint(image * 255).astype(np.uint8), SIDE)


def _painted(pixels: np.ndarray, answer: Segmentation) -> np.ndarray:
    """The photo under the colours of its classes, as an answer shows it."""
    from cnn_demo.mask_colours import class_colours
    from cnn_demo.mask_exports import overlay

    return overlay(pixels, answer.class_map, class_colours(answer.labels)).astype(np.float32) / 255


def _largest(answer: Segmentation) -> str:
    return ", ".join(f"{share:.0%} {label}" for label, share in list(answer.coverage().items())[:3])


def _counting(image: np.ndarray) -> Answer:
    from cnn_demo.models.classical_instances import components

    model, pixels = _segmenter(), _pixels(image)
    answer = model.predict(pixels)
    twice = np.ascontiguousarray(np.concatenate([pixels, pixels[:, ::-1]], axis=1))
    doubled = model.predict(twice)
    label = next(iter(answer.coverage()))
    index = answer.labels.index(label)
    before, after = (int(components(found.class_map == index).max()) for found in (answer, doubled))
    return Answer(
        "It names classes, not things. Of two objects that touch, it paints one patch: nothing in a class map says "
        f"where one ends. On this photo “{label}” is {before} connected patch{'es' * (before != 1)}; beside its mirror "
        f"image, the two together are {after}. Whoever wants to count needs instances.",
        (
            ("The photo", _painted(pixels, answer), "clip"),
            ("Beside its mirror image", _painted(twice, doubled), "clip"),
        ),
    )


def _accuracy(image: np.ndarray) -> Answer:
    from cnn_demo.models.mask_scores import score_masks

    model, pixels = _segmenter(), _pixels(image)
    answer = model.predict(pixels)
    lazy = np.full_like(answer.class_map, answer.labels.index(next(iter(answer.coverage()))))
    scores = score_masks(lazy, answer.class_map, len(answer.labels))
    return Answer(
        "A network that calls every pixel by the commonest class would look good: if this photo's masks were right "
        f"({_largest(answer)}), it would reach a pixel accuracy of {scores.pixel_accuracy:.0%}, and a mean IoU of "
        f"{scores.mean_iou:.2f} only. That is why IoU is averaged over classes: a pole counts as much as the road.",
        (("The photo", _painted(pixels, answer), "clip"),),
    )


def _fine(image: np.ndarray) -> Answer:
    from cnn_demo.models.mask_scores import outline

    model, pixels = _segmenter(), _pixels(image)
    answer = model.predict(pixels)
    edges = np.zeros(answer.class_map.shape, bool)
    for index in np.unique(answer.class_map):
        edges |= outline(answer.class_map == index)
    if not edges.any():
        text = "On this photo the network sees one class alone, so that there is no outline to be unsure of; it is "
        text += f"{answer.confidence.mean():.0%} sure on average."
        return Answer(text, (("Confidence", answer.confidence, "stretch"),))
    return Answer(
        "An outline is the least certain part of a mask: there the network has to decide within a few pixels, from "
        f"maps that are coarser than the photo. Here it is {answer.confidence[edges].mean():.0%} sure along the "
        f"outlines, and {answer.confidence[~edges].mean():.0%} everywhere else.",
        (("Confidence", answer.confidence, "stretch"), ("The photo", _painted(pixels, answer), "clip")),
    )


def _something_else(image: np.ndarray) -> Answer:
    model, pixels = _segmenter(), _pixels(image)
    answer = model.predict(pixels)
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    of_noise = model.predict(noise)
    return Answer(
        "Each pixel must get one of the classes that the network knows, even where it shows none of them. This photo "
        f"is {_largest(answer)}, with {answer.confidence.mean():.0%} confidence on average. Pure noise is "
        f"{_largest(of_noise)}, with {of_noise.confidence.mean():.0%}. Ask what it learned from before you believe it.",
        (("The photo", _painted(pixels, answer), "clip"), ("Noise", _painted(noise, of_noise), "clip")),
    )


MISCONCEPTIONS = (
    Misconception("“A segmentation tells how many things there are.”", _counting),
    Misconception("“95 % of the pixels are right, so the masks are good.”", _accuracy),
    Misconception("“The mask is as sharp as the photo.”", _fine),
    Misconception("“What it does not know, it leaves blank.”", _something_else),
)
