"""The five published networks, compared with the figures that Araujo, Norris & Sim (2019) measured.

The figures are those of https://github.com/google-research/receptive_field, RECEPTIVE_FIELD_TABLE.md: size, stride and
padding (pixels of the first field beyond the border) of the receptive field at the named end-points, for 224 pixels.
"""

import pytest

from cnn_demo.convolution.published_networks import PUBLISHED, stages
from cnn_demo.convolution.receptive_field import Fork, Window, trace

NETWORKS = {network.key: network for network in PUBLISHED}
TABLE = {
    "alexnet": {
        "conv1": (11, 4, 0),
        "pool1": (19, 8, 0),
        "conv2": (51, 8, 16),
        "conv3": (99, 16, 32),
        "conv4": (131, 16, 48),
        "conv5": (163, 16, 64),
        "pool5": (195, 32, 64),
    },
    "vgg16": {
        "conv1_1": (3, 1, 1),
        "pool1": (6, 2, 2),
        "conv2_1": (10, 2, 4),
        "pool2": (16, 4, 6),
        "conv3_2": (32, 4, 14),
        "pool3": (44, 8, 18),
        "pool4": (100, 16, 42),
        "conv5_2": (164, 16, 74),
        "pool5": (212, 32, 90),
    },
    "mobilenet": {
        "Conv2d_6_pointwise": (59, 16, 14),
        "Conv2d_7_pointwise": (91, 16, 30),
        "Conv2d_11_pointwise": (219, 16, 94),
        "Conv2d_12_pointwise": (251, 32, 94),
        "Conv2d_13_pointwise": (315, 32, 126),
    },
    "resnet50": {"block1": (35, 8, 15), "block2": (99, 16, 47), "block3": (291, 32, 143), "block4": (483, 32, 239)},
    "inception_v3": {
        "Conv2d_1a_3x3": (3, 2, 0),
        "Conv2d_2b_3x3": (11, 2, 2),
        "MaxPool_5a_3x3": (31, 8, 2),
        "Mixed_5b": (63, 8, 18),
        "Mixed_5d": (127, 8, 50),
        "Mixed_6a": (159, 16, 58),
        "Mixed_6b": (351, 16, 154),
        "Mixed_6e": (927, 16, 442),
        "Mixed_7a": (1055, 32, 490),
        "Mixed_7b": (1183, 32, 554),
        "Mixed_7c": (1311, 32, 618),
    },
}
LAST = {"alexnet": (195, 5), "vgg16": (212, 7), "mobilenet": (315, 7), "resnet50": (483, 7), "inception_v3": (1311, 8)}


@pytest.mark.parametrize("key", NETWORKS)
def test_every_published_end_point(key):
    computed = dict(stages(NETWORKS[key]))
    for name, (size, stride, padding) in TABLE[key].items():
        for field in computed[name].fields:
            assert (field.size, field.jump, (field.size - 1) / 2 - field.start) == (size, stride, padding), name


@pytest.mark.parametrize("key", NETWORKS)
def test_the_last_stage_has_the_published_field_and_map(key):
    name, last = stages(NETWORKS[key])[-1]
    assert name == list(TABLE[key])[-1]
    assert (last.fields[0].size, last.size[0]) == LAST[key]
    assert last.size[0] == last.size[1]


def test_padding_follows_the_size_of_the_picture():
    """At 321 pixels "same" pads MobileNet's strided layers on both sides: 157, not 126, in the published table."""
    parts = [part for _, chain in NETWORKS["mobilenet"].stages for part in chain]
    field = trace(parts, (321, 224)).fields
    assert [(f.size, (f.size - 1) / 2 - f.start) for f in field] == [(315, 157), (315, 126)]


def test_a_window_that_is_not_square():
    here = trace([Window((7, 1)), Window((1, 3), 2, "valid")], (20, 21))
    assert [f.size for f in here.fields] == [7, 3]
    assert here.size == (10, 10)


def test_the_field_behind_a_fork_is_the_union_of_its_branches():
    here = trace([Fork(((Window(1),), (Window(3), Window(5)), ()))], (20, 20))
    assert here.fields[0].size == 7
    assert here.fields[0].span(10) == (7, 13)


def test_branches_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="maps of one size"):
        trace([Fork(((Window(1),), (Window(3, 2),)))], (20, 20))
