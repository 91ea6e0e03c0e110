"""Lesson of page 1, convolution: texts, experiments, papers and misconceptions."""

import numpy as np

from cnn_demo.convolution import ConvSpec, convolve, kernel
from cnn_demo.lessons import Correction, Experiment, Lesson, Misconception, Paper

LESSON = Lesson(
    idea="A **kernel** slides over the photo: each weighted sum of pixels is one pixel of the result.",
    experiments=(
        Experiment(
            "Find edges",
            "Red: brightness increases to the right; blue: it decreases. Where the photo is uniform, the response is "
            "zero. Drag **Angle** and watch edges of other directions light up.",
            {"kernel": "sobel", "show": "signed", "grey": True},
            look_at=("sobel_angle",),
        ),
        Experiment(
            "Blur before stride",
            "Stride 4 keeps every 4th pixel. Set **Sigma** to 0.3: rings appear that are not in the pattern. This is "
            "aliasing. Raise it again: the blur removes the fine rings before the stride can turn them into false "
            "ones.",
            {"kernel": "gaussian", "gaussian_size": 15, "gaussian_sigma": 2.0, "stride": 4, "zoom": True},
            photo="chirp",
            invites=("gaussian_sigma",),
            look_at=("gaussian_sigma",),
        ),
        Experiment(
            "Detect stripes",
            "This Gabor kernel responds to stripes of one width and direction only, like many kernels in the first "
            "layer of a trained network. Change **Angle** and **Wavelength** until another part of the pattern "
            "responds.",
            {"kernel": "gabor", "show": "signed", "grey": True, "mode": "reflect"},
            photo="chirp",
            look_at=("gabor_wavelength", "gabor_angle"),
        ),
        Experiment(
            "Border effects",
            "The dark frame comes from the zeros around the photo. Change **Padding mode** to see the alternatives, "
            "and **Padding** to *Valid* to see the photo shrink instead.",
            {"kernel": "box", "box_size": 15, "dilation": 6},
            photo="chelsea",
            look_at=("mode",),
        ),
        Experiment(
            "Random weights",
            "These weights were drawn at random, yet you can recognize the photo: every network starts like this. "
            "Change **Seed** for another kernel.",
            {"kernel": "random", "show": "signed"},
            look_at=("random_seed",),
        ),
        Experiment(
            "Cell by cell",
            "Press *Play*: the window moves over a crop of the photo, and each sum of nine products becomes one cell "
            "of the result. Drag **Stride** to 2: the window skips every other cell, and the result has a quarter of "
            "the cells.",
            {"view": "Step through", "kernel": "sobel", "grey": True},
            invites=("stride",),
            look_at=("player",),
        ),
        Experiment(
            "A quarter of the cost",
            "Stride 2 halves both sides of the result, which takes about a quarter of the multiply-adds. The kernel "
            "has 82 parameters at any stride; a dense layer between the same pixels would have 41 billion. Set "
            "**Stride** to 1, and compare the multiply-adds.",
            {"view": "Size and cost", "stride": 2},
            photo="chelsea",
            invites=("stride",),
            look_at=("cost",),
        ),
        Experiment(
            "A blur with side lobes",
            "The gain of this box blur falls to zero and rises again: in the rings between two zeros, black and white "
            "are swapped. Choose *Gaussian blur* as the **Kernel**: its gain falls to almost zero and stays there.",
            {"view": "Frequency response", "kernel": "box", "box_size": 9},
            photo="chirp",
            invites=("kernel",),
            look_at=("frequency_chart",),
        ),
        Experiment(
            "Convolution or correlation?",
            "PyTorch and Keras compute cross-correlation, and so does this page. Switch on **Flip the kernel**, which "
            "makes it the convolution of mathematics: the code rotates the kernel by 180° first, and red and blue are "
            "swapped.",
            {"view": "Code", "kernel": "sobel", "show": "signed", "grey": True},
            invites=("flip",),
            look_at=("flip",),
        ),
        Experiment(
            "Learn a kernel",
            "Drag the bar below the pictures: step by step, random weights become the hidden kernel, because that "
            "reduces the loss. Then set **Learning rate** to 1: every step overshoots, and the loss diverges.",
            {"view": "Learn a kernel", "learned": "yes"},
            photo="chelsea",
            invites=("learn_rate",),
            look_at=("learn_book",),
        ),
        Experiment(
            "Undetermined weights",
            "The learned kernel makes the target picture, but with other weights than the hidden kernel: all rows of "
            "this pattern are equal, so only the sum of each column of weights matters. Set **Initial weights** to "
            "*Zeros* for another kernel that makes the same picture.",
            {"view": "Learn a kernel", "learned": "yes", "learn_reveal": True, "learn_rate": 0.2},
            photo="edge",
            invites=("learn_start",),
            look_at=("learn_reveal",),
        ),
    ),
    papers=(
        Paper(
            "Dumoulin & Visin",
            2016,
            "A guide to convolution arithmetic for deep learning",
            "https://arxiv.org/abs/1603.07285",
            "stride, padding and dilation in pictures",
        ),
        Paper(
            "LeCun, Bottou, Bengio & Haffner",
            1998,
            "Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
            "why a network should learn its kernels",
        ),
        Paper(
            "Yu & Koltun",
            2016,
            "Multi-scale context aggregation by dilated convolutions",
            "https://arxiv.org/abs/1511.07122",
            "dilation: a large receptive field without losing resolution",
        ),
        Paper(
            "Zhang",
            2019,
            "Making convolutional networks shift-invariant again",
            "https://arxiv.org/abs/1904.11486",
            "aliasing caused by strides, and a blur that prevents it",
        ),
        Paper(
            "Daugman",
            1985,
            "Uncertainty relation for resolution in space, spatial frequency, and orientation",
            "https://doi.org/10.1364/JOSAA.2.001160",
            "Gabor kernels and the visual cortex",
        ),
    ),
)


def _flip(image: np.ndarray) -> Correction:
    grey = image.mean(axis=2)
    weights = kernel("emboss", strength=3.0)
    blur = kernel("gaussian", size=5)
    kept, flipped = (convolve(grey, weights, ConvSpec(padding_mode="replicate", flip=flip)) for flip in (False, True))
    same = float(np.abs(convolve(grey, blur) - convolve(grey, blur, ConvSpec(flip=True))).max())
    return Correction(
        "Deep learning libraries do not flip the kernel; mathematics calls this *cross-correlation*. For learned "
        "weights it makes no difference: the network would learn the flipped kernel. For a hand-made kernel it does: "
        "on this photo the light of the emboss kernel comes from the other side, and values differ by up to "
        f"{float(np.abs(kept - flipped).max()):.2f}, where the photo's go from 0 to 1. For a symmetric kernel such as "
        + ("a Gaussian they are identical." if same == 0 else f"a Gaussian they differ by {same:.2g}."),
        (("Cross-correlation", kept, "clip"), ("Convolution: kernel rotated by 180°", flipped, "clip")),
    )


def _negative(image: np.ndarray) -> Correction:
    response = convolve(image.mean(axis=2), kernel("sobel"), ConvSpec(padding_mode="replicate"))
    strong = np.abs(response) > 0.25
    fraction = float((response[strong] < 0).mean()) if strong.any() else 0.0
    return Correction(
        "A negative response counts as much as a positive one: here, brightness decreases to the right. "
        f"Of this photo's strong responses (magnitude above 0.25), {fraction:.0%} are negative; clipping at zero, or a "
        "ReLU, discards them. Networks keep them by learning a second kernel of opposite sign.",
        (("Clipped at zero", response, "clip"), ("With its sign", response, "signed")),
    )


def _same(image: np.ndarray) -> Correction:
    weights = kernel("box", size=15)
    zeros, mirrored = (convolve(image, weights, ConvSpec(padding_mode=mode)) for mode in ("zeros", "reflect"))
    changed = float((np.abs(zeros - mirrored).max(axis=2) > 1 / 255).mean())
    return Correction(
        "*Same* keeps only the size: windows at the border reach outside the photo and read made-up values. With a 15 "
        f"× 15 box, {changed:.1%} of this photo's pixels depend visibly on whether the padding is zeros or a mirror "
        "image. With every further layer, that frame grows inwards.",
        (("Padded with zeros", zeros, "clip"), ("Padded with a mirror image", mirrored, "clip")),
    )


def _stride(image: np.ndarray) -> Correction:
    stride = ConvSpec(stride=4, padding_mode="replicate")
    plain = convolve(image, kernel("identity", size=1), stride)
    blurred = convolve(image, kernel("gaussian", size=11, sigma=2.0), stride)
    return Correction(
        "Stride drops pixels, it does not average them: with stride 4, a 1 × 1 kernel never reads 15 of 16 pixels. "
        "Fine patterns then turn into coarse ones that were never there. After a blur, each kept pixel stands for its "
        f"neighbours; on this photo that changes pixels by {float(np.abs(plain - blurred).mean()):.3f} on average, "
        "most in fine textures.",
        (("Every 4th pixel", plain, "clip"), ("Blurred, then every 4th pixel", blurred, "clip")),
    )


MISCONCEPTIONS = (
    Misconception("“Convolution in a network flips the kernel.”", _flip),
    Misconception("“A negative response means that nothing was found.”", _negative),
    Misconception("“With ‘same’ padding, the border is as reliable as the middle.”", _same),
    Misconception("“Stride 4 is the same as making the photo smaller.”", _stride),
)
