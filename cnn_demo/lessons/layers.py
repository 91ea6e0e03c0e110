"""Lesson of page 2, layers: texts, experiments, papers and misconceptions."""

import math
from collections.abc import Sequence

import numpy as np

from cnn_demo.convolution import ConvSpec, convolve, kernel, pool, pool_gradient
from cnn_demo.convolution.distortion import noisy, relative_change, rotated, shifted
from cnn_demo.convolution.stack import ConvLayer, Layer, PoolLayer, run_stack
from cnn_demo.drawing.pictures import reduced
from cnn_demo.lessons import Correction, Experiment, Lesson, Misconception, Paper

LESSON = Lesson(
    idea="**Convolution layers** compute feature maps; **pooling layers** shrink them and tolerate small shifts.",
    experiments=(
        Experiment(
            "Stack layers as LeNet did",
            "Convolution, pooling, and both again: each side of the maps shrinks to a quarter while their number "
            "grows. In the table, the receptive field grows from 5 to 16 pixels. Click **Add pooling**, then **Add "
            "convolution**: each convolution adds twice as much to it as the one before, and so does each pooling.",
            {
                "tab": "Build a stack",
                "stack": "c6.5.1.valid.1.tanh.random_paverage.2.2_c16.5.1.valid.1.tanh.random_paverage.2.2",
                "layer": 4,
            },
            invites=(
                "stack",
                "layer",
            ),
            look_at=("stack_table",),
        ),
        Experiment(
            "Overlapping windows",
            "AlexNet pooled with windows of 3 and stride 2: neighbouring windows share a row or a column. Below, see "
            "how many values are the maximum of more than one window, and get the gradients of all of these. Raise "
            "**Stride** to 3 and no value is shared.",
            {"tab": "Compare pooling", "window": 3, "step": 2},
            invites=("step",),
            look_at=("step", "gradients"),
        ),
        Experiment(
            "Aliasing you can see",
            "Rings that get finer outwards, pooled to a quarter. The strided convolution, which keeps every 4th value, "
            "shows coarse rings that are not there: aliasing. The average weakens most of them. Choose *Gaussian* as "
            "the **Kernel**: a blur before the stride removes the false rings.",
            {"tab": "Compare pooling", "of": "brightness", "window": 4, "step": 4},
            photo="chirp",
            look_at=("taps",),
        ),
        Experiment(
            "Stamp by stamp",
            "A transposed convolution stamps its kernel into the result, once for each cell of the crop. With a kernel "
            "of 3 and a stride of 2, cells get 1, 2 or 4 stamps: press *Fill the crop* to see the checkerboard. Set "
            "**Kernel size** to 4, and every cell gets 4.",
            {"tab": "Step through", "walk": "transposed"},
            invites=("walk_size",),
            look_at=("walk_size",),
        ),
        Experiment(
            "One pixel to the right",
            "The curve shows whether the maps move along with the photo. Without a stride they do, exactly. With "
            "stride 2 they do at every second pixel only: the zigzag is aliasing. Max pooling has it too; a blur "
            "before the stride removes nearly all of it.",
            {"tab": "Invariance", "measure": "moved", "pixels": 1},
        ),
        Experiment(
            "Noise",
            "*Blurred stride* and *Average* change least, because independent noise cancels out in a mean. Max pooling "
            "picks the noisiest value of each window: for weak noise it changes less than no pooling, for strong noise "
            "more. On this photo the lines cross at a standard deviation near 0.2. That is so by the **Measure** "
            "*Change*; by *Cosine similarity*, max pooling is better than none.",
            {"tab": "Invariance", "distortion": "noise", "noise": 0.4, "measure": "change"},
            photo="bus",
            invites=("measure",),
            look_at=("measure",),
        ),
    ),
    papers=(
        Paper(
            "LeCun, Bottou, Bengio & Haffner",
            1998,
            "Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
            "LeNet-5: convolution and pooling in turns",
        ),
        Paper(
            "Boureau, Ponce & LeCun",
            2010,
            "A theoretical analysis of feature pooling in visual recognition",
            "https://dl.acm.org/doi/10.5555/3104322.3104338",
            "when max and when average pooling works better",
        ),
        Paper(
            "Scherer, Müller & Behnke",
            2010,
            "Evaluation of pooling operations in convolutional architectures for object recognition",
            "https://doi.org/10.1007/978-3-642-15825-4_10",
            "max pooling and subsampling compared",
        ),
        Paper(
            "Krizhevsky, Sutskever & Hinton",
            2012,
            "ImageNet classification with deep convolutional neural networks",
            "https://doi.org/10.1145/3065386",
            "AlexNet, with overlapping pooling",
        ),
        Paper(
            "Springenberg, Dosovitskiy, Brox & Riedmiller",
            2015,
            "Striving for simplicity: the all convolutional net",
            "https://arxiv.org/abs/1412.6806",
            "strided convolutions instead of pooling",
        ),
        Paper(
            "Zhang",
            2019,
            "Making convolutional networks shift-invariant again",
            "https://arxiv.org/abs/1904.11486",
            "aliasing caused by strides, and a blur that prevents it",
        ),
        Paper(
            "Azulay & Weiss",
            2019,
            "Why do deep convolutional networks generalize so poorly to small image transformations?",
            "https://arxiv.org/abs/1805.12177",
            "a shift of one pixel that changes the prediction of a trained network",
        ),
    ),
)

_SMALLEST = 48  # pixels per side; smaller photos are padded with their mirror images
_EDGES = ConvLayer(8, 3, padding="valid")
_INVARIANCE_SIDE = 256  # pixels, longer side
_MARGIN = 16  # columns that are cut off, so that real pixels come in at the left
_FAR = 8


def _room_for(image: np.ndarray) -> np.ndarray:
    missing = [(0, max(0, _SMALLEST - side)) for side in image.shape[:2]]
    return np.pad(image, [*missing, (0, 0)], mode="symmetric") if any(after for _, after in missing) else image


def _change(before: np.ndarray, after: np.ndarray, *layers: Layer) -> float:
    return relative_change(*(run_stack(image, (_EDGES, *layers)) for image in (before, after)))


def _unless_constant(changes: Sequence[float], sentence: str) -> str:
    """The sentence with the changes, or another one if no filter responds to the photo."""
    if any(math.isnan(change) for change in changes):
        return "This photo is so uniform that all feature maps are 0, and nothing can be measured on it. "
    return sentence.format(*changes)


def _grey_map(image: np.ndarray, layer: PoolLayer) -> np.ndarray:
    """The pooled map with the largest variance, scaled to 0...1."""
    maps = run_stack(image, (_EDGES, layer))
    plane = maps[..., int(maps.var(axis=(0, 1)).argmax())]
    return plane / (float(plane.max()) or 1.0)


def _shift(image: np.ndarray) -> Correction:
    # As in the tab "Invariance": the same size and the same crop give the same figures.
    image = reduced((image * 255).round().astype(np.uint8), _INVARIANCE_SIDE).astype(np.float32) / 255
    height, width = image.shape[:2]
    image = _room_for(image)
    photo, moved, far = (shifted(image, pixels, _MARGIN) for pixels in (0, 1, _FAR))
    layer = PoolLayer("max", 2, 2)
    one, eight = _change(photo, moved, layer), _change(photo, far, layer)
    plain, plain_far = _change(photo, moved), _change(photo, far)
    before, after = (run_stack(x, (_EDGES, layer))[..., 0] for x in (photo, moved))
    return Correction(
        "It is invariant to small shifts only, those within its window. "
        + _unless_constant(
            (plain, one, plain_far, eight),
            f"When this photo, at {height} rows × {width} columns, moves by one pixel, the maps of eight filters "
            "change by {:.0%} of their norm without "
            f"pooling and by {{:.0%}} after 2 × 2 max pooling; for {_FAR} pixels it is {{:.0%}} and {{:.0%}}. ",
        )
        + "Pooling alone makes no network shift-invariant; training on shifted photos does more.",
        (("Edges, pooled", before, "stretch"), ("Change after one pixel", after - before, "signed")),
    )


def _always_max(image: np.ndarray) -> Correction:
    image = _room_for(image)
    with_noise = noisy(image, 0.1)
    kinds = ("max", "average")
    maximum, average = (_change(image, with_noise, PoolLayer(kind, 4, 4)) for kind in kinds)
    return Correction(
        "The maximum keeps the largest value of a window, and that is often noise. "
        + _unless_constant(
            (_change(image, with_noise), maximum, average),
            "With noise of standard deviation 0.1 on this photo, the maps change by {:.0%} of their norm without "
            "pooling, by {:.0%} after 4 × 4 max pooling and by {:.0%} after 4 × 4 average pooling. ",
        )
        + "Max is better for rare and clear features, the average for dense or noisy ones (Boureau et al. 2010).",
        tuple(
            (f"{kind.capitalize()}, with noise", _grey_map(with_noise, PoolLayer(kind, 4, 4)), "clip") for kind in kinds
        ),
    )


def _rotation(image: np.ndarray) -> Correction:
    image = _room_for(image)
    upright, turned = rotated(image, 0.0), rotated(image, 10.0)
    changes = [_change(upright, turned, *layers) for layers in ((), (PoolLayer("max"),), (PoolLayer("average"),))]
    return Correction(
        "Pooling is invariant only to movements within a window. A rotation moves pixels near the middle a little and "
        "all others far, and turns every edge away from the direction of its filter. "
        + _unless_constant(
            changes,
            "Rotated by 10°, this photo's maps change by {:.0%} of their norm without pooling, by {:.0%} after 2 × 2 "
            "max pooling and by {:.0%} after 2 × 2 average pooling. ",
        )
        + "Networks learn invariance to rotation from rotated examples.",
        tuple(
            (name, _grey_map(x, PoolLayer("max")), "clip")
            for name, x in (("Pooled, upright", upright), ("Pooled, rotated by 10°", turned))
        ),
    )


def _no_convolution(image: np.ndarray) -> Correction:
    grey = np.ascontiguousarray(_room_for(image).mean(axis=2))
    average = pool(grey, "average", 4)
    convolved = convolve(grey, kernel("box", size=4), ConvSpec(stride=4, padding="valid"))
    same = float(np.abs(average - convolved).max())
    other = grey[:, ::-1]
    together, apart = pool(grey + other, "max", 4), pool(grey, "max", 4) + pool(other, "max", 4)
    return Correction(
        "Average pooling *is* a strided convolution, with equal weights that are not learned: on this photo the two "
        + ("are identical" if same == 0 else f"differ by {same:.1g} at most")
        + ". Max pooling is not, because it is not linear: the maximum of this photo plus "
        f"its mirror image differs from the sum of both maxima by up to {float(np.abs(together - apart).max()):.2f}. A "
        "network can learn its own strided convolution instead of either (Springenberg et al. 2015).",
        (("Average of 4 × 4", average, "clip"), ("Maximum of 4 × 4", pool(grey, "max", 4), "clip")),
    )


def _all_learn(image: np.ndarray) -> Correction:
    edges = np.ascontiguousarray(run_stack(_room_for(image), (_EDGES,))[..., 0])
    touching, overlapping = (pool_gradient(edges, "max", size, 2) for size in (2, 3))
    chosen = overlapping > 0
    shared = float((overlapping > 1).sum() / chosen.sum())
    return Correction(
        f"With 2 × 2 max pooling, {float((touching > 0).mean()):.0%} of this map's values get a gradient; the rest get "
        f"none from this photo. With windows of 3 and stride 2 it is {float(chosen.mean()):.0%}, and {shared:.0%} of "
        f"these are the maximum of several windows, up to {int(overlapping.max())}. With average pooling each value "
        "gets the same gradient.",
        (("Chosen by 2 × 2, stride 2", touching, "stretch"), ("Chosen by 3 × 3, stride 2", overlapping, "stretch")),
    )


MISCONCEPTIONS = (
    Misconception("“Pooling makes a network invariant to shifts.”", _shift),
    Misconception("“Max pooling is always better than average pooling.”", _always_max),
    Misconception("“Pooling makes a network invariant to rotation.”", _rotation),
    Misconception("“Pooling and strided convolution have nothing in common.”", _no_convolution),
    Misconception("“Every value of a map gets a gradient, whatever the pooling.”", _all_learn),
)
