"""Five published networks, layer by layer, as far as their receptive fields go.

They are the versions of TF-Slim (https://github.com/tensorflow/models/tree/master/research/slim/nets): those that
Araujo, Norris & Sim measured for "Computing receptive fields of convolutional neural networks", Distill (2019),
https://distill.pub/2019/computing-receptive-fields/. No receptive field is written down here: `stages` computes them.
"""

from dataclasses import dataclass
from functools import cache

from cnn_demo.convolution.receptive_field import Fork, MapGeometry, Window, trace

Chain = tuple[Window | Fork, ...]


@dataclass(frozen=True)
class PublishedNetwork:
    """A network up to its last feature map.

    Attributes:
        key: Short name.
        title: Name in its paper.
        year: Year of its paper.
        paper: Permanent link to its paper.
        side: Height and width in pixels of the pictures that it was made for.
        stages: (name as in TF-Slim, layers) in order; the last one is where its field is published.
    """

    key: str
    title: str
    year: int
    paper: str
    side: int
    stages: tuple[tuple[str, Chain], ...]


def _stack(name: str, count: int) -> tuple[tuple[str, Chain], ...]:
    """A stage of VGG: 3 × 3 convolutions, then a pooling that halves the map."""
    convolutions = tuple((f"{name}_{i}", (Window(3),)) for i in range(1, count + 1))
    return (*convolutions, (name.replace("conv", "pool"), (Window(2, 2, "valid"),)))


def _block(units: int, stride: int) -> Chain:
    """A block of ResNet v1: bottlenecks of 1 × 1, 3 × 3, 1 × 1 beside a shortcut; the last one has the stride.

    The first unit's shortcut is a 1 × 1 convolution, those of the others pass their input on, or every second of it.
    """
    plain = Fork(((Window(1), Window(3), Window(1)), (Window(1),)))
    last = Fork(((Window(1), Window(3, stride, 1), Window(1)), (Window(1, stride, "valid"),)))
    return (*[plain] * (units - 1), last)


def _separable(number: int, stride: int) -> tuple[str, Chain]:
    """A depthwise 3 × 3 convolution and a pointwise one."""
    return f"Conv2d_{number}_pointwise", (Window(3, stride), Window(1))


_POOLED = (Window(3), Window(1))
_INCEPTION_A = Fork(((Window(1),), (Window(1), Window(5)), (Window(1), Window(3), Window(3)), _POOLED))
_REDUCTION_A = Fork(((Window(3, 2, "valid"),), (Window(1), Window(3), Window(3, 2, "valid")), (Window(3, 2, "valid"),)))
_ACROSS, _DOWN = Window((1, 7)), Window((7, 1))
_INCEPTION_B = Fork(((Window(1),), (Window(1), _ACROSS, _DOWN), (Window(1), _DOWN, _ACROSS, _DOWN, _ACROSS), _POOLED))
_REDUCTION_B = Fork(
    (
        (Window(1), Window(3, 2, "valid")),
        (Window(1), _ACROSS, _DOWN, Window(3, 2, "valid")),
        (Window(3, 2, "valid"),),
    )
)
_SPLIT = Fork(((Window((1, 3)),), (Window((3, 1)),)))
_INCEPTION_C = Fork(((Window(1),), (Window(1), _SPLIT), (Window(1), Window(3), _SPLIT), _POOLED))

PUBLISHED = (
    PublishedNetwork(
        "alexnet",
        "AlexNet v2",
        2014,
        "https://arxiv.org/abs/1404.5997",
        224,
        (
            ("conv1", (Window(11, 4, "valid"),)),
            ("pool1", (Window(3, 2, "valid"),)),
            ("conv2", (Window(5),)),
            ("pool2", (Window(3, 2, "valid"),)),
            ("conv3", (Window(3),)),
            ("conv4", (Window(3),)),
            ("conv5", (Window(3),)),
            ("pool5", (Window(3, 2, "valid"),)),
        ),
    ),
    PublishedNetwork(
        "vgg16",
        "VGG-16",
        2014,
        "https://arxiv.org/abs/1409.1556",
        224,
        (
            *_stack("conv1", 2),
            *_stack("conv2", 2),
            *_stack("conv3", 3),
            *_stack("conv4", 3),
            *_stack("conv5", 3),
        ),
    ),
    PublishedNetwork(
        "mobilenet",
        "MobileNet",
        2017,
        "https://arxiv.org/abs/1704.04861",
        224,
        (
            ("Conv2d_0", (Window(3, 2),)),
            *(_separable(i, stride) for i, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1)),
        ),
    ),
    PublishedNetwork(
        "resnet50",
        "ResNet-50",
        2015,
        "https://arxiv.org/abs/1512.03385",
        224,
        (
            ("conv1", (Window(7, 2, 3),)),
            ("pool1", (Window(3, 2),)),
            ("block1", _block(3, 2)),
            ("block2", _block(4, 2)),
            ("block3", _block(6, 2)),
            ("block4", _block(3, 1)),
        ),
    ),
    PublishedNetwork(
        "inception_v3",
        "Inception-v3",
        2015,
        "https://arxiv.org/abs/1512.00567",
        299,
        (
            ("Conv2d_1a_3x3", (Window(3, 2, "valid"),)),
            ("Conv2d_2a_3x3", (Window(3, 1, "valid"),)),
            ("Conv2d_2b_3x3", (Window(3),)),
            ("MaxPool_3a_3x3", (Window(3, 2, "valid"),)),
            ("Conv2d_3b_1x1", (Window(1, 1, "valid"),)),
            ("Conv2d_4a_3x3", (Window(3, 1, "valid"),)),
            ("MaxPool_5a_3x3", (Window(3, 2, "valid"),)),
            *((f"Mixed_5{letter}", (_INCEPTION_A,)) for letter in "bcd"),
            ("Mixed_6a", (_REDUCTION_A,)),
            *((f"Mixed_6{letter}", (_INCEPTION_B,)) for letter in "bcde"),
            ("Mixed_7a", (_REDUCTION_B,)),
            *((f"Mixed_7{letter}", (_INCEPTION_C,)) for letter in "bc"),
        ),
    ),
)


@cache
def stages(network: PublishedNetwork) -> tuple[tuple[str, MapGeometry], ...]:
    """Return (name, map size and receptive fields) after every stage, at the network's own input size."""
    rows = []
    here = None
    for name, chain in network.stages:
        here = trace(chain, (network.side, network.side), here)
        rows.append((name, here))
    return tuple(rows)
