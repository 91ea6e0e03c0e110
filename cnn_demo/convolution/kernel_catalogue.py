"""Catalogue of all kernels by name, with descriptions and parameter ranges."""

import numpy as np

import cnn_demo.convolution.kernels as kernels
from cnn_demo.convolution.kernel_family import KernelFamily, Parameter


def _size(default: int, minimum: int = 1, step: int = 1) -> Parameter:
    help_text = "Taps along each side: a larger kernel sees more of the photo at once."
    return Parameter("size", "Size", minimum, 15, default, step, "int", "px", help_text)


def _sigma(default: float) -> Parameter:
    help_text = "Standard deviation of the Gaussian: a larger one looks at coarser structure."
    return Parameter("sigma", "Sigma", 0.3, 5.0, default, 0.1, "float", "px", help_text)


def _angle(default: float, help_text: str) -> Parameter:
    return Parameter("angle", "Angle", -360.0, 360.0, default, 5.0, "float", "°", help_text)


def _amount(name: str, label: str, maximum: float, help_text: str) -> Parameter:
    return Parameter(name, label, 0.0, maximum, 1.0, 0.1, "float", "", help_text)


_TOWARDS = "Direction in which brightness must grow: 0° is to the right, 90° upwards."
_DISTRIBUTIONS = ("normal", "uniform", "sign")

_FAMILIES = (
    KernelFamily(
        "identity",
        "Identity",
        "A single one among zeros hands every pixel on as it is.",
        (_size(3),),
        kernels.identity,
        False,
        "smooth",
    ),
    KernelFamily(
        "box",
        "Box blur",
        "The mean of all pixels in the window: the simplest blur, and a slightly blocky one.",
        (_size(3),),
        kernels.box,
        False,
        "smooth",
    ),
    KernelFamily(
        "gaussian",
        "Gaussian blur",
        "A mean in which near pixels count more: the smoothest blur, the same in every direction.",
        (_size(5), _sigma(1.0)),
        kernels.gaussian,
        False,
        "smooth",
    ),
    KernelFamily(
        "motion_blur",
        "Motion blur",
        "The mean along a line, as if the camera had moved while the shutter was open.",
        (
            Parameter("length", "Length", 1, 15, 9, 1, "int", "px", "How far the camera moved."),
            _angle(0.0, "Direction of the movement: 0° is horizontal, 90° vertical."),
        ),
        kernels.motion_blur,
        False,
        "smooth",
    ),
    KernelFamily(
        "sharpen",
        "Sharpen",
        "Adds each pixel's difference from its four neighbours, so that edges stand out.",
        (_amount("amount", "Amount", 5.0, "How much of the difference is added; 0 leaves the photo as it is."),),
        kernels.sharpen,
        False,
        "sharpen",
    ),
    KernelFamily(
        "unsharp",
        "Unsharp mask",
        "Adds the difference between the photo and its blur: sharpening at a scale you choose.",
        (_size(5), _sigma(1.0), _amount("amount", "Amount", 5.0, "How much of the difference is added.")),
        kernels.unsharp,
        False,
        "sharpen",
    ),
    KernelFamily(
        "emboss",
        "Emboss",
        "Lights the photo from one side, as if its bright parts were raised.",
        (
            _angle(45.0, "Where the light comes from: 0° is the right, 90° above."),
            _amount("strength", "Strength", 3.0, "How strong the relief is; 0 leaves the photo as it is."),
        ),
        kernels.emboss,
        False,
        "sharpen",
    ),
    KernelFamily(
        "sobel",
        "Sobel edges",
        "Answers edges across one direction: positive where brightness grows that way, negative where it falls.",
        (_size(3, minimum=3, step=2), _angle(0.0, _TOWARDS)),
        kernels.sobel,
        True,
        "edges",
    ),
    KernelFamily(
        "prewitt",
        "Prewitt edges",
        "Like Sobel, but all three rows count the same.",
        (_angle(0.0, _TOWARDS),),
        kernels.prewitt,
        True,
        "edges",
    ),
    KernelFamily(
        "scharr",
        "Scharr edges",
        "Like Sobel, with weights chosen so that edges of every direction are measured more equally.",
        (_angle(0.0, _TOWARDS),),
        kernels.scharr,
        True,
        "edges",
    ),
    KernelFamily(
        "laplacian",
        "Laplacian",
        "Compares each pixel with its neighbours: zero on even ground, changing sign across every edge.",
        (
            Parameter(
                "neighbours", "Neighbours", None, None, 4, None, "choice", "", "With or without diagonals.", (4, 8)
            ),
        ),
        kernels.laplacian,
        True,
        "edges",
    ),
    KernelFamily(
        "laplacian_of_gaussian",
        "Laplacian of Gaussian",
        "Blurs before it compares, so that it finds edges and blobs of one scale and less noise.",
        (_size(9, minimum=3), _sigma(1.4)),
        kernels.laplacian_of_gaussian,
        True,
        "edges",
    ),
    KernelFamily(
        "difference_of_gaussians",
        "Difference of Gaussians",
        "A narrow blur minus a wide one answers spots of one size, as cells in the retina do.",
        (
            _size(9, minimum=3),
            _sigma(1.0),
            Parameter("ratio", "Ratio", 1.1, 3.0, 1.6, 0.1, "float", "", "How many times wider the second blur is."),
        ),
        kernels.difference_of_gaussians,
        True,
        "edges",
    ),
    KernelFamily(
        "gabor",
        "Gabor",
        "Answers stripes of one width and direction, as cells in the visual cortex and first layers of CNNs do.",
        (
            _size(15, minimum=3),
            _sigma(3.0),
            Parameter("wavelength", "Wavelength", 2.0, 15.0, 6.0, 0.5, "float", "px", "Distance between stripes."),
            _angle(0.0, "Direction across the stripes: 0° answers vertical stripes, 90° horizontal ones."),
            Parameter("phase", "Phase", -360.0, 360.0, 0.0, 15.0, "float", "°", "0° answers lines, 90° answers edges."),
            Parameter("aspect", "Aspect", 0.2, 2.0, 0.5, 0.1, "float", "", "Below 1 it asks for longer stripes."),
        ),
        kernels.gabor,
        True,
        "patterns",
    ),
    KernelFamily(
        "random",
        "Random",
        "Weights drawn by chance: where every CNN begins, and already a detector of something.",
        (
            _size(5),
            Parameter("seed", "Seed", 0, 9999, 0, 1, "int", "", "The same seed draws the same weights."),
            Parameter(
                "distribution",
                "Distribution",
                None,
                None,
                "normal",
                None,
                "choice",
                "",
                "How the weights are spread.",
                _DISTRIBUTIONS,
            ),
        ),
        kernels.random,
        True,
        "patterns",
    ),
)

KERNELS = {family.name: family for family in _FAMILIES}


def kernel(name: str, **parameters: float | str) -> np.ndarray:
    """Return the (kh, kw) float32 weights of a kernel in `KERNELS`, for instance `kernel("gaussian", size=5)`.

    Raises:
        KeyError: if there is no such kernel; the message names all.
        ValueError: if a parameter is unknown or out of its range.
    """
    if name not in KERNELS:
        raise KeyError(f"There is no kernel {name!r}; choose one of {', '.join(KERNELS)}.")
    family = KERNELS[name]
    known = {parameter.name: parameter for parameter in family.parameters}
    for unknown in parameters.keys() - known.keys():
        raise ValueError(f"The kernel {name!r} has no parameter {unknown!r}; it has {', '.join(known)}.")
    return family.function(**{key: known[key].check(value) for key, value in parameters.items()})
