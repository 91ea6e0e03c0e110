"""Costs of architectures: counted as by hand, for those that can be built."""

from dataclasses import replace

import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.segmentation import unets
from cnn_demo.models.segmentation.architectures import ENCODERS, SIDES, TRANSFORMER, cost_of, counted_costs

SIDE = 64


def counted_by_hand(network) -> int:
    """Multiply-adds of all convolutions and linear layers, for one picture."""
    torch, total = frameworks.torch(), 0

    def count(module, _inputs, output) -> None:
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, SIDE, SIDE))
    return total


@pytest.mark.parametrize("architecture", ["Unet", "FPN", "Linknet"])
def test_parameters_and_multiply_adds_are_counted(architecture):
    network = unets.build(architecture, "resnet18", 5).eval()
    cost = cost_of(architecture, "resnet18", SIDE, classes=5)
    assert cost.parameters == sum(p.numel() for p in network.parameters())
    assert cost.parameters - cost.decoder_parameters == sum(p.numel() for p in network.encoder.parameters())
    transposed = architecture == "Linknet"  # which has convolutions of another kind, not counted by hand
    by_hand = counted_by_hand(network)
    assert cost.multiply_adds > by_hand if transposed else cost.multiply_adds == by_hand
    assert cost.milliseconds > 0


@pytest.mark.parametrize("architecture", ["Unet", "DPT"])
def test_counted_costs_are_those_of_the_networks(architecture):
    costs = counted_costs("resnet18", 128)
    assert replace(costs[architecture], milliseconds=0) == replace(
        cost_of(architecture, "resnet18", 128), milliseconds=0
    )


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_is_counted_at_every_size(encoder):
    for side in SIDES:
        costs = counted_costs(encoder, side)
        assert list(costs) == list(unets.ARCHITECTURES)
        assert costs["Unet"]
        assert costs["Segformer"]
        assert (costs["UnetPlusPlus"] is None) == (encoder == "mit_b0")


def test_dpt_always_has_a_transformer_encoder():
    assert cost_of("DPT", "resnet18", SIDE).encoder == TRANSFORMER


def test_architectures_that_cannot_be_built_are_left_out():
    assert cost_of("UnetPlusPlus", "mit_b0", SIDE) is None  # a transformer has no map of half the resolution


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ValueError, match="choose one of"):
        cost_of("SegNet", "resnet18", SIDE)
