"""Stacks of layers: the bank of filters, the text in the link, shapes and costs, and maps that torch computes too."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_demo.convolution import ACTIVATIONS, kernel
from cnn_demo.convolution.filter_bank import FILTER_TITLES, hand_made_filters
from cnn_demo.convolution.stack import (
    CONV_RANGES,
    MAX_LAYERS,
    MAX_MULTIPLY_ADDS,
    POOL_KINDS,
    ConvLayer,
    PoolLayer,
    layer_input,
    layer_weights,
    plan_stack,
    run_layer,
    run_stack,
)
from cnn_demo.convolution.stack_text import format_stack, parse_stack

LEARNED = np.random.default_rng(9).standard_normal((5, 5, 3, 32)).astype(np.float32)

# The bank ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, 12))
def test_the_bank_has_filters_of_every_size(size):
    bank = hand_made_filters(32, size)
    assert bank.shape == (size, size, 32)
    assert bank.dtype == np.float32
    assert np.isfinite(bank).all()
    if size == 1:
        assert (bank == 1).all()
        return
    blur = FILTER_TITLES.index("blur")
    sums, magnitudes = bank.sum(axis=(0, 1)), np.abs(bank).sum(axis=(0, 1))
    assert sums[blur] == pytest.approx(1)
    others = np.delete(np.arange(32), blur)
    np.testing.assert_allclose(sums[others], 0, atol=1e-5)
    if size > 2:  # two taps have no middle, where spots and lines would be
        np.testing.assert_allclose(magnitudes[others], 2, atol=1e-5)
        assert len(np.unique(bank.round(4).reshape(-1, 32), axis=1).T) == 32


def test_edges_of_three_taps_are_sobels():
    bank = hand_made_filters(8, 3)
    for title, angle in (("edge 0°", 0.0), ("edge 90°", 90.0)):
        sobel = kernel("sobel", angle=angle)
        np.testing.assert_allclose(bank[..., FILTER_TITLES.index(title)], 2 * sobel / np.abs(sobel).sum(), atol=0.01)


def test_refuses_more_filters_than_the_bank_has():
    assert len(set(FILTER_TITLES)) == 32
    with pytest.raises(ValueError, match="1 to 32 filters, not 33"):
        hand_made_filters(33, 3)


# The text ---------------------------------------------------------------------------------------------------------

convolutions = st.builds(
    ConvLayer,
    filters=st.integers(1, 32),
    size=st.integers(1, 11),
    stride=st.integers(1, 4),
    padding=st.one_of(st.sampled_from(("same", "valid")), st.integers(0, 16)),
    dilation=st.integers(1, 4),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    source=st.sampled_from(("hand", "random")),
)
seeded = st.builds(ConvLayer, source=st.just("random"), seed=st.integers(0, 999))
learned = st.builds(ConvLayer, size=st.just(5), source=st.just("learned"), filters=st.integers(1, 32))
poolings = st.builds(PoolLayer, st.sampled_from(POOL_KINDS), st.integers(1, 8), st.integers(1, 8))
whole = st.builds(PoolLayer, st.sampled_from(("max", "min", "average", "l2")), st.none())
stacks = st.lists(st.one_of(convolutions, seeded, learned, poolings, whole), min_size=1, max_size=MAX_LAYERS)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(stacks)
def test_a_stack_survives_writing_and_parsing(stack):
    text = format_stack(stack)
    assert parse_stack(text) == tuple(stack)
    assert len(text) <= 250
    assert parse_stack(f"  {text.upper()} ") == tuple(stack)


BAD = {
    "": "at least one layer",
    " ": "at least one layer",
    "___": "at least one layer",
    "abc": "change layer 1",
    "pmax.2.2_": "change layer 2",
    "pmax.2.2_<b>": "change layer 2",
    "c8.3.1.same.1.relu": "change layer 1",
    "c0.3.1.same.1.relu.hand": "filters must be an integer from 1 to 32, not 0",
    "c33.3.1.same.1.relu.hand": "filters must be an integer from 1 to 32",
    "c8.12.1.same.1.relu.hand": "size must be an integer from 1 to 11",
    "c8.3.5.same.1.relu.hand": "stride must be an integer from 1 to 4",
    "c8.3.1.17.1.relu.hand": "padding must be an integer from 0 to 16",
    "c8.3.1.half.1.relu.hand": "change layer 1",
    "c8.3.1.same.9.relu.hand": "dilation must be an integer",
    "c8.3.1.same.1.gelu.hand": "no activation 'gelu'",
    "c8.3.1.same.1.relu.magic": "no source of weights 'magic'",
    "c8.3.1.same.1.relu.learned": "5 × 5 weights, not 3",
    "c8.3.1.same.1.relu.random1000": "seed must be an integer from 0 to 999",
    "pmedian.2.2": "no pooling 'median'",
    "pmax.9.2": "size must be an integer from 1 to 8",
    "pmax.2.0": "stride must be an integer from 1 to 8",
    "pskip.global": "no whole-map version",
    "pmax.inf.2": "change layer 1",
    "_".join(["pmax.2.2"] * 7): "at most 6 layers, not 7",
    "pmax.9999999999.1": "change layer 1",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_text_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"^Please .*\.$") as caught:
        parse_stack(text)
    message = str(caught.value)
    assert BAD[text] in message
    assert message.count(". ") == 0


@pytest.mark.parametrize("name", CONV_RANGES)
@pytest.mark.parametrize("value", [-1, 1000, 1.5, True, None, "3"])
def test_a_layer_refuses_values_out_of_range(name, value):
    with pytest.raises(ValueError, match="must be an integer"):
        ConvLayer(**{name: value})


# The plan ---------------------------------------------------------------------------------------------------------


def test_lenets_published_shapes():
    layers = parse_stack("c6.5.1.valid.1.tanh.random_paverage.2.2_c16.5.1.valid.1.tanh.random_paverage.2.2")
    plan = plan_stack((32, 32), layers, channels=1)
    assert [step.shape for step in plan.layers] == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)]
    assert [step.fields[0].size for step in plan.layers] == [5, 6, 14, 16]
    assert [step.parameters for step in plan.layers] == [156, 0, 16 * (25 * 6 + 1), 0]
    assert plan.layers[0].multiply_adds == 28 * 28 * 25 * 6
    assert plan.problem == ""


@settings(derandomize=True, deadline=None, max_examples=60)
@given(stacks, st.integers(1, 40), st.integers(1, 40))
def test_the_plan_matches_the_maps(stack, height, width):
    plan = plan_stack((height, width), stack)
    maps = np.random.default_rng(1).random((height, width, 3), dtype=np.float32)
    done = 0
    for index, step in enumerate(plan.layers):
        done += isinstance(stack[index], ConvLayer)
        maps = run_layer(maps, stack[index], done, LEARNED)
        assert maps.shape == step.shape
        assert maps.dtype == np.float32
        assert np.isfinite(maps).all()
    assert bool(plan.problem) == (len(plan.layers) < len(stack))
    if plan.problem:
        assert plan.problem.startswith(f"Layer {len(plan.layers) + 1} ")


def test_a_layer_that_does_not_fit_leaves_those_before_it():
    plan = plan_stack((20, 30), parse_stack("pmax.8.8_pmax.8.8"))
    assert [step.shape for step in plan.layers] == [(2, 3, 3)]
    assert plan.problem == "Layer 2 does not fit. The window of 8 × 8 is larger than the map of 2 × 3."
    plan = plan_stack((20, 30), parse_stack("pmax.2.2_c8.5.1.same.1.relu.learned"))
    assert "they can only come first" in plan.problem


def test_a_stack_that_is_too_expensive_is_refused():
    plan = plan_stack((256, 256), [ConvLayer(32, 11, source="random")] * 3)
    assert len(plan.layers) == 1
    assert "billion multiply-adds" in plan.problem
    assert sum(step.multiply_adds for step in plan.layers) <= MAX_MULTIPLY_ADDS


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.one_of(convolutions, poolings, whole), min_size=1, max_size=3), st.data())
def test_an_activation_depends_on_its_receptive_field_only(stack, data):
    """Changing the image outside the planned field does not change the activation."""
    stack = [s if isinstance(s, PoolLayer) else ConvLayer(**{**vars(s), "source": "random"}) for s in stack]
    plan = plan_stack((24, 22), stack)
    if not plan.layers:
        return
    stack, last = stack[: len(plan.layers)], plan.layers[-1]
    image = np.random.default_rng(2).random((24, 22, 3), dtype=np.float32)
    row, column = (data.draw(st.integers(0, last.shape[axis] - 1)) for axis in (0, 1))
    outside = np.ones((24, 22), bool)
    spans = []
    for field, unit in zip(last.fields, (row, column), strict=True):
        first = int(field.start + unit * field.jump - (field.size - 1) / 2)
        spans.append(slice(max(first, 0), max(first + field.size, 0)))
    outside[tuple(spans)] = False
    other = np.where(outside[..., np.newaxis], 1 - image, image).astype(np.float32)
    np.testing.assert_allclose(
        run_stack(image, stack)[row, column], run_stack(other, stack)[row, column], atol=2e-3, rtol=1e-4
    )


# The maps ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["hand", "random", "learned"])
def test_maps_are_those_of_torch(source):
    image = np.random.default_rng(3).random((30, 26, 3), dtype=np.float32)
    layer = ConvLayer(7, 5, padding="valid", source=source, seed=4)
    weights = layer_weights(layer, 3, 1, LEARNED)
    assert weights.shape == (5, 5, 3, 7)
    x = torch.from_numpy(layer_input(image, layer)).permute(2, 0, 1)[None]
    expected = F.relu(F.conv2d(x, torch.from_numpy(weights).permute(3, 2, 0, 1)))
    np.testing.assert_allclose(run_layer(image, layer, 1, LEARNED), expected[0].permute(1, 2, 0).numpy(), atol=1e-4)


def test_learned_kernels_get_the_input_scale_of_training():
    image = np.full((9, 9, 3), 200 / 255, np.float32)
    maps = run_layer(image, ConvLayer(4, 5, activation="none", source="learned"), 1, LEARNED)
    np.testing.assert_allclose(maps[4, 4], (200 / 127.5 - 1) * LEARNED[..., :4].sum(axis=(0, 1, 2)), atol=1e-4)
    with pytest.raises(ValueError, match="not on this machine"):
        run_layer(image, ConvLayer(4, 5, source="learned"))


def test_random_weights_are_hes_and_differ_from_layer_to_layer():
    layer = ConvLayer(32, 11, source="random")
    weights = layer_weights(layer, 32, 1)
    assert weights.std() == pytest.approx(np.sqrt(2 / (121 * 32)), rel=0.01)
    assert not np.array_equal(weights, layer_weights(layer, 32, 2))
    np.testing.assert_array_equal(weights, layer_weights(layer, 32, 1))
    assert not np.array_equal(weights, layer_weights(ConvLayer(32, 11, source="random", seed=1), 32, 1))


def test_taking_a_pooling_away_leaves_random_weights_as_they_are():
    image = np.random.default_rng(3).random((16, 16, 3), dtype=np.float32)
    one, other = ConvLayer(4, 1, source="random"), ConvLayer(4, 1, source="random", activation="none")
    every_pixel = run_stack(image, (one, other))
    np.testing.assert_allclose(run_stack(image, (one, PoolLayer("skip"), other)), every_pixel[::2, ::2], atol=1e-5)


@pytest.mark.parametrize("kind", ["max", "average", "min", "l2"])
def test_global_pooling_leaves_one_number_of_each_map(kind):
    image = np.random.default_rng(3).random((7, 5, 3), dtype=np.float32)
    result = run_layer(image, PoolLayer(kind, None))
    assert result.shape == (1, 1, 3)
    expected = {"max": np.max, "min": np.min, "average": np.mean, "l2": np.linalg.norm}[kind]
    np.testing.assert_allclose(result[0, 0], [expected(image[..., c]) for c in range(3)], rtol=1e-5)
