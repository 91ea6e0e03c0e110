import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import ReceptiveField, receptive_field, receptive_fields

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


def test_an_image_sees_itself():
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
def test_refuses_what_is_no_layer(wrong):
    with pytest.raises(ValueError, match="A layer is"):
        receptive_field([wrong])
