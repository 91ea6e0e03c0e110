"""The pretrained encoder: the published weights fit, and the frozen stages stay as they are, whatever runs them."""

import copy
import warnings

import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.lite.encoder import ENCODER, compute_as_published
from cnn_demo.models.lite.weights import read_state
from training.networks.encoders import FROZEN_BLOCKS, freeze_early_stages, load_encoder
from training.steps.schedules import ema_update

torch = frameworks.torch()


def new_encoder(name: str = ENCODER):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the encoder's name in the library
        encoder = frameworks.segmentation_models_pytorch().encoders.get_encoder(name, weights=None)
    return compute_as_published(encoder)


@pytest.fixture(scope="module")
def published():
    """The encoder as it is published, in evaluation mode."""
    encoder = new_encoder()
    load_encoder(encoder)
    return encoder.eval()


@pytest.fixture
def network(published):
    """A network around a frozen copy of it, in training mode."""
    encoder = copy.deepcopy(published)
    freeze_early_stages(encoder)
    return torch.nn.ModuleDict({"encoder": encoder}).train()


@pytest.fixture(scope="module")
def pictures():
    return torch.rand((2, 3, 64, 96), generator=torch.Generator().manual_seed(0)) * 2 - 1


def frozen_parts(encoder) -> list:
    return [encoder.conv_stem, encoder.bn1, *encoder.blocks[:FROZEN_BLOCKS]]


def test_all_published_tensors_but_the_classifiers_are_loaded(published):
    state, tensors = published.state_dict(), list(read_state("efficientnet_lite0").values())
    assert len(state) == len(tensors) - 2
    for own, tensor in zip(state.values(), tensors, strict=False):
        torch.testing.assert_close(own, tensor)


def test_the_maps_are_those_of_timms_network(published, pictures):
    import timm

    network = timm.create_model("tf_efficientnet_lite0", features_only=True).eval()
    tensors = read_state("efficientnet_lite0").values()
    network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=False)))
    with torch.no_grad():
        ours, theirs = published(pictures)[2:], network(pictures)[1:]
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, atol=1e-4, rtol=1e-4)


def test_another_architecture_is_refused():
    with pytest.raises(RuntimeError, match="loading state_dict"):
        load_encoder(new_encoder("timm-tf_efficientnet_lite1"))


def test_frozen_stages_compute_the_same_maps(published, network, pictures):
    with torch.no_grad():
        expected = published(pictures)
        in_torch = network.eval()["encoder"](pictures)
        in_openvino = network.train()["encoder"](pictures)
    assert [maps.shape for maps in in_openvino] == [maps.shape for maps in expected]
    for own, maps in zip(in_torch, expected, strict=True):
        torch.testing.assert_close(own, maps)
    for own, maps in zip(in_openvino[:4], expected[:4], strict=True):  # the others normalize by the batch
        torch.testing.assert_close(own, maps, atol=1e-3, rtol=1e-3)
    assert not torch.allclose(in_openvino[4], expected[4], atol=1e-3)


def test_a_step_changes_the_late_stages_alone(network, pictures):
    encoder = network["encoder"]
    before = copy.deepcopy(encoder.state_dict())
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1, weight_decay=0.1)
    encoder(pictures)[-1].square().mean().backward()
    optimizer.step()
    frozen = [parameter for part in frozen_parts(encoder) for parameter in part.parameters()]
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in frozen)
    late = ("blocks.3", "blocks.4", "blocks.5", "blocks.6")
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]) != name.startswith(late), name  # batch statistics are among them


def test_the_mean_of_the_weights_has_frozen_stages_too(network, pictures):
    mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema_update, use_buffers=True)
    mean.train()
    copied, encoder = mean.module["encoder"], network["encoder"]
    for modules in (frozen_parts(copied), frozen_parts(encoder)):
        assert not any(module.training for part in modules for module in part.modules())
    assert copied.blocks[FROZEN_BLOCKS].training
    assert copied.conv_stem is not encoder.conv_stem
    with torch.no_grad():
        encoder(pictures)
        for own, maps in zip(mean.eval().module["encoder"](pictures)[:4], encoder(pictures)[:4], strict=True):
            torch.testing.assert_close(own, maps, atol=1e-3, rtol=1e-3)
