"""Lesson of page 7, segmentation: texts, experiments, papers and misconceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.drawing.pictures import reduced
from cnn_demo.lessons import Correction, Experiment, Lesson, Misconception, Paper, percent
from cnn_demo.results import BACKGROUND
from cnn_demo.results import percent as exact_percent

if TYPE_CHECKING:
    from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
    from cnn_demo.results import Segmentation

SMALLEST = 0.005  # fraction of the photo below which a class is not named
SIDE = 480  # longer side in pixels of the photos on which misconceptions are corrected

LESSON = Lesson(
    idea="A class for every pixel (**semantic** segmentation), or a mask for every object (**instance** segmentation).",
    experiments=(
        Experiment(
            "Larger is not better",
            "The network was trained on photos of 224 pixels. At 960, the bus is far larger than those in training: "
            "parts of it become “train” and “car”, and the bus covers a fifth of the photo instead of a third. Set "
            "**Image size** to 224, and compare.",
            {"task": "Segment", "segmenter": "everyday_unet", "segment_side": 960},
            photo="bus",
            invites=("segment_side",),
            look_at=("segment_side",),
        ),
        Experiment(
            "How many people?",
            "On the left, all people have one colour: a class cannot be counted. On the right, each person has a mask. "
            "Lower **Confidence threshold** to 35%, and the person at the right edge of the photo follows; below 20% "
            "there are too many.",
            {"task": "Semantic or instance"},
            photo="bus",
            invites=("instance_confidence",),
            look_at=("instance_confidence",),
        ),
        Experiment(
            "Where is it unsure?",
            "Drag **Confidence threshold**: the first pixels below it are along the outline of the cat, then come "
            "parts that might be something else.",
            {"task": "Confidence", "sure_blank": 90},
            photo="chelsea",
            invites=("sure_blank",),
            look_at=("hide_uncertain",),
        ),
        Experiment(
            "Why is this pixel bus?",
            "The map shows the pixels that the class of the marked one depends on. Through **Encoder level** 1/4 it "
            "depends on its neighbourhood only; through 1/32 on the whole photo. Below, the class score falls furthest "
            "without level 1/32: the coarse maps decide the class.",
            {"task": "Explain"},
            photo="bus",
            invites=("explain_level",),
            look_at=("explain_level",),
        ),
        Experiment(
            "No skip connections",
            "All skips are off: the outline is lost, and the cat's mask spreads over the whole photo. Switch them on "
            "one by one in **Active skip connections**, and see which of them brings most of the outline back.",
            {"task": "Inside a U-Net", "skips_on": []},
            photo="chelsea",
            invites=("skips_on",),
            look_at=("skips_on",),
        ),
        Experiment(
            "A checkerboard",
            "With a kernel of 3 and a stride of 2, neighbouring pixels get 1, 2 or 4 copies of the kernel. Set "
            "**Kernel size** to 4, and the pattern is gone.",
            {"task": "Upsampling", "up_kernel": 3, "up_times": 16},
            photo="chelsea",
            invites=("up_kernel",),
            look_at=("up_kernel",),
        ),
        Experiment(
            "Paint it yourself",
            "Paint the cat as well as you can. IoU and Dice hardly depend on the outline; the boundary F-score does.",
            {"task": "Paint the ground truth", "paint_way": "Polygon", "paint_blanks": True},
            photo="chelsea",
        ),
        Experiment(
            "Cost is not size",
            "With ResNet-18, U-Net++ has 11% more parameters than the U-Net, and needs 2.9 times as many "
            "multiply-adds: its additional layers work on large maps. Set **Image size** to 512: four times the "
            "multiply-adds, with the same parameters.",
            {"task": "Architectures", "smp_side": 256},
            invites=("smp_side",),
            look_at=("smp_side",),
        ),
        Experiment(
            "Not to be compared",
            "Click the header *Mean IoU* to sort the table: SegFormer B0 has 76.2% on Cityscapes, but 37.4% on ADE20K. "
            "It is the same architecture; 150 classes of anything are harder than the 19 of a street.",
            {"task": "Models"},
        ),
    ),
    papers=(
        Paper(
            "Long, Shelhamer & Darrell",
            2015,
            "Fully convolutional networks for semantic segmentation",
            "https://arxiv.org/abs/1411.4038",
            "a classifier that predicts at every location",
        ),
        Paper(
            "Ronneberger, Fischer & Brox",
            2015,
            "U-Net: Convolutional networks for biomedical image segmentation",
            "https://arxiv.org/abs/1505.04597",
            "encoder, decoder, and skip connections between them",
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
            "Vinogradova, Dibrov & Myers",
            2020,
            "Towards interpretable semantic segmentation via gradient-weighted class activation mapping",
            "https://arxiv.org/abs/2002.11434",
            "Seg-Grad-CAM: why a pixel has its class",
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
            "masks as linear combinations of prototypes, as in YOLO",
        ),
    ),
)


def _segmenter() -> SemanticSegmenter:
    from cnn_demo.models import load_segmenter, preferred_model

    return load_segmenter(preferred_model("semantic-segmentation").key)


def _pixels(image: np.ndarray) -> np.ndarray:
    return reduced(np.rint(image * 255).astype(np.uint8), SIDE)


def _painted(pixels: np.ndarray, segmentation: Segmentation) -> np.ndarray:
    """Draw the class colours over the photo."""
    from cnn_demo.drawing.masks import overlay
    from cnn_demo.drawing.palette import class_colours

    return overlay(pixels, segmentation.class_map, class_colours(segmentation.labels)).astype(np.float32) / 255


def _largest(segmentation: Segmentation) -> str:
    largest = list(segmentation.coverage().items())[:3]
    return ", ".join(f"{percent(fraction)} {label}" for label, fraction in largest if fraction >= SMALLEST)


def _counting(image: np.ndarray) -> Correction:
    from cnn_demo.models.segmentation.classical_instances import components

    model = _segmenter()
    pixels = _pixels(image)
    segmentation = model.predict(pixels)
    twice = np.ascontiguousarray(np.concatenate([pixels, pixels[:, ::-1]], axis=1))
    doubled = model.predict(twice)
    found = list(segmentation.coverage())  # the largest first
    label = next((name for name in found if name != BACKGROUND), found[0])
    index = segmentation.labels.index(label)
    before, after = (int(components(found.class_map == index).max()) for found in (segmentation, doubled))
    return Correction(
        "It predicts classes, not objects. Two objects of a class that touch are one area: a class map does not "
        f"separate them. On this photo “{label}” has {before} connected area{'s' * (before != 1)}; beside its "
        f"mirror image, both together have {after}: areas are not objects. Counting needs instance segmentation.",
        (
            ("The photo", _painted(pixels, segmentation), "clip"),
            ("Beside its mirror image", _painted(twice, doubled), "clip"),
        ),
    )


def _accuracy(image: np.ndarray) -> Correction:
    from cnn_demo.models.segmentation.metrics import score_masks

    model = _segmenter()
    pixels = _pixels(image)
    segmentation = model.predict(pixels)
    lazy = np.full_like(segmentation.class_map, segmentation.labels.index(next(iter(segmentation.coverage()))))
    scores = score_masks(lazy, segmentation.class_map, len(segmentation.labels))
    if scores.pixel_accuracy == 1:
        return Correction(
            "A network that predicts the most frequent class everywhere would have a high pixel accuracy, but a low "
            f"mean IoU, which counts each class alike. This photo is {_largest(segmentation)}: with a single class "
            "both are 100%, so try another photo.",
            (("The photo", _painted(pixels, segmentation), "clip"),),
        )
    return Correction(
        "A network that predicts the most frequent class everywhere would look good: if this photo's masks were right "
        f"({_largest(segmentation)}), it would reach a pixel accuracy of {percent(scores.pixel_accuracy)}, but a mean "
        f"IoU of {scores.mean_iou:.2f} only. That is why IoU is averaged over classes: a small one counts as much as a "
        "large one.",
        (("The photo", _painted(pixels, segmentation), "clip"),),
    )


def _fine(image: np.ndarray) -> Correction:
    from cnn_demo.models.segmentation.metrics import REACH, border_confidence

    model = _segmenter()
    pixels = _pixels(image)
    segmentation = model.predict(pixels)
    near, far = border_confidence(segmentation)
    if not np.isfinite([near, far]).all():
        text = "On this photo the network predicts one class alone, so there is no outline to be unsure of; its mean "
        text += f"confidence is {percent(segmentation.confidence.mean())}."
        return Correction(text, (("Confidence", segmentation.confidence, "stretch"),))
    height, width = segmentation.class_map.shape
    return Correction(
        "An outline is the least certain part of a mask: there the class changes within a few pixels, and feature maps "
        f"are coarser than the photo. Here, at {width} × {height} pixels, the mean confidence is {exact_percent(near)} "
        f"within {REACH} pixels of an outline, and {exact_percent(far)} everywhere else.",
        (("Confidence", segmentation.confidence, "stretch"), ("The photo", _painted(pixels, segmentation), "clip")),
    )


def _unknown_objects(image: np.ndarray) -> Correction:
    model = _segmenter()
    pixels = _pixels(image)
    segmentation = model.predict(pixels)
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, dtype=np.uint8)
    of_noise = model.predict(noise)
    first, fraction = next(iter(of_noise.coverage().items()))
    sure = percent(of_noise.confidence.mean())
    blank = first == of_noise.labels[0] == BACKGROUND and fraction > 0.5
    return Correction(
        "There is no class for “unknown”: each pixel gets one of the classes of the training data. "
        f"This photo is {_largest(segmentation)}, with a mean confidence of "
        f"{percent(segmentation.confidence.mean())}. Pure noise, which was not in the training data, is "
        f"{_largest(of_noise)}, with {sure}. "
        + (
            "“Background” is a class like any other, not an “I don't know”: so high a confidence does not distinguish "
            "objects that were in no training photo from those that the network has learned to leave out."
            if blank
            else "Look at a network's training data before you rely on it."
        ),
        (("The photo", _painted(pixels, segmentation), "clip"), ("Noise", _painted(noise, of_noise), "clip")),
    )


MISCONCEPTIONS = (
    Misconception("“A segmentation tells how many objects there are.”", _counting),
    Misconception("“95% of the pixels are right, so the masks are good.”", _accuracy),
    Misconception("“The mask is as sharp as the photo.”", _fine),
    Misconception("“It leaves unknown objects blank.”", _unknown_objects),
)
