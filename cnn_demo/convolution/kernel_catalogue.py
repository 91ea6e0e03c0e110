"""Catalogue of all kernels by name, with descriptions and parameter ranges."""

import numpy as np

import cnn_demo.convolution.kernels as kernels
from cnn_demo.convolution.kernel_family import Choice, FloatParameter, IntParameter, KernelFamily, Parameter


def _size(default: int, minimum: int = 1, step: int = 1) -> IntParameter:
    help_text = "Weights per side: a larger kernel covers more pixels at once."
    return IntParameter(
        name="size", label="Size", minimum=minimum, maximum=15, default=default, step=step, unit="px", help=help_text
    )


def _sigma(default: float) -> FloatParameter:
    help_text = "Standard deviation of the Gaussian: a larger one responds to coarser structures."
    return FloatParameter(
        name="sigma", label="Sigma", minimum=0.3, maximum=5.0, default=default, step=0.1, unit="px", help=help_text
    )


def _angle(default: float, help_text: str) -> FloatParameter:
    return FloatParameter(
        name="angle", label="Angle", minimum=-180.0, maximum=180.0, default=default, step=5.0, unit="°", help=help_text
    )


def _amount(name: str, label: str, maximum: float, help_text: str) -> FloatParameter:
    return FloatParameter(name=name, label=label, minimum=0.0, maximum=maximum, default=1.0, step=0.1, help=help_text)


_TOWARDS = "Direction in which brightness must grow: 0° is to the right, 90° upwards."
_DISTRIBUTIONS = ("normal", "uniform", "sign")

_FAMILIES = (
    KernelFamily(
        name="identity",
        title="Identity",
        sentence="A single 1 among zeros leaves every pixel unchanged.",
        parameters=(_size(3),),
        function=kernels.identity,
        signed=False,
        group="smooth",
    ),
    KernelFamily(
        name="box",
        title="Box blur",
        sentence="The mean of all pixels in the window: the simplest blur, slightly blocky.",
        parameters=(_size(3),),
        function=kernels.box,
        signed=False,
        group="smooth",
    ),
    KernelFamily(
        name="gaussian",
        title="Gaussian blur",
        sentence="A weighted mean in which near pixels count more: a smooth blur, the same in every direction.",
        parameters=(_size(5), _sigma(1.0)),
        function=kernels.gaussian,
        signed=False,
        group="smooth",
    ),
    KernelFamily(
        name="motion_blur",
        title="Motion blur",
        sentence="The mean along a line, as if the camera had moved while the shutter was open.",
        parameters=(
            IntParameter(
                name="length",
                label="Length",
                minimum=1,
                maximum=15,
                default=9,
                unit="px",
                help="How far the camera moved.",
            ),
            _angle(0.0, "Direction of the movement: 0° is horizontal, 90° vertical."),
        ),
        function=kernels.motion_blur,
        signed=False,
        group="smooth",
    ),
    KernelFamily(
        name="sharpen",
        title="Sharpen",
        sentence="Adds each pixel's difference from its four neighbours, so that edges stand out.",
        parameters=(
            _amount("amount", "Amount", 5.0, "How much of the difference is added; 0 leaves the photo as it is."),
        ),
        function=kernels.sharpen,
        signed=False,
        group="sharpen",
    ),
    KernelFamily(
        name="unsharp",
        title="Unsharp mask",
        sentence="Adds the difference between the photo and its blur: sharpening at a scale you choose.",
        parameters=(_size(5), _sigma(1.0), _amount("amount", "Amount", 5.0, "How much of the difference is added.")),
        function=kernels.unsharp,
        signed=False,
        group="sharpen",
    ),
    KernelFamily(
        name="emboss",
        title="Emboss",
        sentence="Lights the photo from one side, as if its bright parts were raised.",
        parameters=(
            _angle(45.0, "Where the light comes from: 0° is the right, 90° above."),
            _amount("strength", "Strength", 3.0, "How strong the relief is; 0 leaves the photo as it is."),
        ),
        function=kernels.emboss,
        signed=False,
        group="sharpen",
    ),
    KernelFamily(
        name="sobel",
        title="Sobel edges",
        sentence=(
            "Responds to edges across one direction: positive where brightness increases that way, negative "
            "where it decreases."
        ),
        parameters=(_size(3, minimum=3, step=2), _angle(0.0, _TOWARDS)),
        function=kernels.sobel,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="prewitt",
        title="Prewitt edges",
        sentence="Like Sobel, but all three rows have the same weights.",
        parameters=(_angle(0.0, _TOWARDS),),
        function=kernels.prewitt,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="scharr",
        title="Scharr edges",
        sentence="Like Sobel, with weights chosen so that edges of every direction are measured more equally.",
        parameters=(_angle(0.0, _TOWARDS),),
        function=kernels.scharr,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="laplacian",
        title="Laplacian",
        sentence=(
            "Compares each pixel with its neighbours: zero in uniform areas, with opposite signs at both sides of an "
            "edge."
        ),
        parameters=(
            Choice(name="neighbours", label="Neighbours", choices=(4, 8), default=4, help="With or without diagonals."),
        ),
        function=kernels.laplacian,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="laplacian_of_gaussian",
        title="Laplacian of Gaussian",
        sentence="Blurs before it compares, so that it responds to edges and blobs of one scale, and less to noise.",
        parameters=(_size(9, minimum=3), _sigma(1.4)),
        function=kernels.laplacian_of_gaussian,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="difference_of_gaussians",
        title="Difference of Gaussians",
        sentence="A narrow blur minus a wide one: responds to spots of one size, like cells in the retina.",
        parameters=(
            _size(9, minimum=3),
            _sigma(1.0),
            FloatParameter(
                name="ratio",
                label="Ratio",
                minimum=1.1,
                maximum=3.0,
                default=1.6,
                step=0.1,
                help="How many times wider the second blur is.",
            ),
        ),
        function=kernels.difference_of_gaussians,
        signed=True,
        group="edges",
    ),
    KernelFamily(
        name="gabor",
        title="Gabor",
        sentence="Responds to stripes of one width and direction, like cells in the visual cortex and in CNNs.",
        parameters=(
            _size(15, minimum=3),
            _sigma(3.0),
            FloatParameter(
                name="wavelength",
                label="Wavelength",
                minimum=2.0,
                maximum=15.0,
                default=6.0,
                step=0.5,
                unit="px",
                help="Distance between stripes.",
            ),
            _angle(0.0, "Direction across the stripes: 0° for vertical stripes, 90° for horizontal ones."),
            FloatParameter(
                name="phase",
                label="Phase",
                minimum=-180.0,
                maximum=180.0,
                default=0.0,
                step=15.0,
                unit="°",
                help="0° responds to lines, 90° to edges.",
            ),
            FloatParameter(
                name="aspect",
                label="Aspect",
                minimum=0.2,
                maximum=2.0,
                default=0.5,
                step=0.1,
                help="Width to length: below 1, it prefers longer stripes.",
            ),
        ),
        function=kernels.gabor,
        signed=True,
        group="patterns",
    ),
    KernelFamily(
        name="random",
        title="Random",
        sentence="Random weights, as every CNN has before training: already a detector of something.",
        parameters=(
            _size(5),
            IntParameter(
                name="seed",
                label="Seed",
                minimum=0,
                maximum=9999,
                default=0,
                help="The same seed draws the same weights.",
            ),
            Choice(
                name="distribution",
                label="Distribution",
                choices=_DISTRIBUTIONS,
                default="normal",
                help="Distribution that the weights are drawn from.",
            ),
        ),
        function=kernels.random,
        signed=True,
        group="patterns",
    ),
)

KERNELS = {family.name: family for family in _FAMILIES}


def kernel(name: str, **parameters: float | str) -> np.ndarray:
    """Return the (kh, kw) float32 weights of a kernel in `KERNELS`, for instance `kernel("gaussian", size=5)`.

    Raises:
        KeyError: if there is no such kernel; the message names all.
        ValueError: if a parameter is unknown or out of its range.

    Example:
        >>> from cnn_demo.convolution import kernel
        >>> kernel("sobel")
        array([[-1.,  0.,  1.],
               [-2.,  0.,  2.],
               [-1.,  0.,  1.]], dtype=float32)
        >>> kernel("gaussian", size=7, sigma=2).shape
        (7, 7)
    """
    if name not in KERNELS:
        raise KeyError(f"There is no kernel {name!r}; choose one of {', '.join(KERNELS)}.")
    family = KERNELS[name]
    by_name: dict[str, Parameter] = {parameter.name: parameter for parameter in family.parameters}
    for unknown in parameters.keys() - by_name.keys():
        raise ValueError(f"The kernel {name!r} has no parameter {unknown!r}; it has {', '.join(by_name)}.")
    return family.function(**{key: by_name[key].check(value) for key, value in parameters.items()})
