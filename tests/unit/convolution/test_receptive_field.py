import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import ReceptiveField, joined_field, receptive_field, receptive_fields

# Stacks and sizes of Araujo et al. (2019), table "models": up to the last pooling, or the last block.
ALEXNET = ((11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2))
VGG16 = (*((3, 1),) * 2, (2, 2), *((3, 1),) * 2, (2, 2), *(*((3, 1),) * 3, (2, 2)) * 3)
RESNET50 = (
    (7, 2),
    (3, 2),
    *(*((3, 1),) * 2, (3, 2)),
    *(*((3, 1),) * 3, (3, 2)),
    *(*((3, 1),) * 5, (3, 2)),
    *((3, 1),) * 3,
)


@pytest.mark.parametrize(("layers", "size", "jump"), [(ALEXNET, 195, 32), (VGG16, 212, 32), (RESNET50, 483, 32)])
def test_published_sizes(layers, size, jump):
    field = receptive_field(layers)
    assert (field.size, field.jump) == (size, jump)


def test_the_field_of_an_image_is_one_pixel():
    assert receptive_field(()) == ReceptiveField(size=1, jump=1, start=0)


def test_grows_layer_by_layer():
    fields = receptive_fields([(3, 1, 1, 1), (2, 2), (3, 1, 2, 2)])
    assert [f.size for f in fields] == [1, 3, 4, 12]
    assert [f.jump for f in fields] == [1, 1, 2, 2]
    assert [f.start for f in fields] == [0, 0, 0.5, 0.5]


layer = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(layer, min_size=1, max_size=4))
def test_is_where_gradients_reach(layers):
    assume(all(stride <= (kernel - 1) * dilation + 1 for kernel, stride, dilation, _ in layers))
    field = receptive_field(layers)
    image = torch.zeros(1, 1, 800, requires_grad=True)
    x = image
    for kernel, stride, dilation, padding in layers:
        x = torch.nn.functional.conv1d(x, torch.ones(1, 1, kernel), None, stride, padding, dilation)
    unit = x.shape[2] // 2
    x[0, 0, unit].backward()
    seen = image.grad[0, 0].nonzero()[:, 0]
    middle = field.start + unit * field.jump
    assert seen.min().item() == middle - (field.size - 1) / 2
    assert seen.max().item() == middle + (field.size - 1) / 2


@pytest.mark.parametrize("wrong", [(3,), (0, 1), (3, 1, 0), (3, 1, 1, -1), (3, 1, 1, 0, 0)])
def test_refuses_invalid_layers(wrong):
    with pytest.raises(ValueError, match="A layer is"):
        receptive_field([wrong])


def test_continues_from_a_given_field():
    layers = [(3, 2, 1, 1), (5, 1), (2, 2)]
    assert receptive_field(layers[1:], receptive_field(layers[:1])) == receptive_field(layers)


def test_a_unit_has_a_middle_a_span_and_is_the_nearest_to_it():
    field = receptive_field([(7, 2, 1, 3), (3, 2, 1, 1)])
    assert (field.size, field.jump, field.start) == (11, 4, 0)
    assert field.middle(3) == 12
    assert field.span(3) == (7, 17)
    assert [field.nearest(pixel, 5) for pixel in (-9, 0, 10, 11, 12, 13, 99)] == [0, 0, 2, 3, 3, 3, 4]


def test_an_even_field_is_centred_between_two_pixels():
    field = receptive_field([(2, 2)])
    assert field.middle(1) == 2.5
    assert field.span(1) == (2, 3)
    assert [field.nearest(pixel, 4) for pixel in (0, 1, 2, 3)] == [0, 0, 1, 1]


def test_joined_branches_reach_from_the_first_to_the_last_pixel():
    long, short = receptive_field([(5, 1, 1, 2), (3, 2, 1, 1)]), receptive_field([(1, 2)])
    assert joined_field(long, short) == long
    shifted = ReceptiveField(size=3, jump=2, start=4.0)
    assert joined_field(shifted, short) == ReceptiveField(size=6, jump=2, start=2.5)


def test_branches_of_different_strides_are_refused():
    with pytest.raises(ValueError, match="same jump"):
        joined_field(ReceptiveField(3, 1, 0.0), ReceptiveField(3, 2, 0.0))
