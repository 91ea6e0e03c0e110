"""The bundled U-Nets' architecture: its feature maps are those of its prediction, and each skip can be switched off."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.catalogue.registry import BUNDLED_DECODER, PET_LABELS, STREET_LABELS
from cnn_demo.models.segmentation.unets import ARCHITECTURES, SKIPS, build, bundled_unet, feature_maps, forward_without

torch = frameworks.torch()


@pytest.fixture(scope="module")
def network():
    """The architecture with random weights; running means and deviations as of a picture."""
    torch.manual_seed(0)
    network = bundled_unet(len(STREET_LABELS))
    with torch.no_grad():
        network(torch.rand(4, 3, 64, 96))
    return network.eval()


@pytest.fixture(scope="module")
def x():
    return torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 96)).astype(np.float32))


def test_it_is_light(network):
    assert sum(parameter.numel() for parameter in network.parameters()) < 6_000_000
    assert len(STREET_LABELS) == 11
    assert PET_LABELS == ("background", "cat", "dog")


def test_it_takes_pictures_of_any_size(network):
    with torch.no_grad():
        assert network(torch.rand(1, 3, 45, 67)).shape == (1, 11, 45, 67)
        assert feature_maps(network, torch.rand(1, 3, 45, 67))["logits"].shape == (1, 11, 45, 67)


def test_maps_of_every_resolution_are_returned(network, x):
    with torch.no_grad():
        maps, logits = feature_maps(network, x), network(x)
    torch.testing.assert_close(maps["logits"], logits)
    encoder = [f"encoder 1/{2**depth}" for depth in range(1, 6)]
    decoder = [f"decoder 1/{2**depth}" for depth in range(4, -1, -1)]
    assert list(maps) == [*encoder, *decoder, "logits"]
    for name in (*encoder, *decoder):
        stride = int(name.rpartition("/")[2])
        assert maps[name].shape[2:] == (64 // stride, 96 // stride)
    assert [maps[name].shape[1] for name in encoder] == [32, 24, 40, 112, 320]
    assert [maps[name].shape[1] for name in decoder] == list(BUNDLED_DECODER)


def test_with_all_skips_on_the_logits_are_the_same(network, x):
    with torch.no_grad():
        torch.testing.assert_close(forward_without(network, x, set()), network(x))


def test_each_skip_that_is_off_changes_the_logits(network, x):
    with torch.no_grad():
        outputs = [forward_without(network, x, {stride}) for stride in SKIPS]
        outputs += [network(x), forward_without(network, x, set(SKIPS))]
    for i, logits in enumerate(outputs):
        assert all((logits - other).abs().max() > 1e-3 for other in outputs[:i])


def test_a_skip_that_is_off_carries_its_mean(network, x):
    with torch.no_grad():
        features = list(network.encoder(x))
        for depth in (1, 2, 3, 4):
            changed = list(features)
            changed[depth] = torch.ones_like(features[depth]) * features[depth].mean((2, 3), keepdim=True)
            expected = network.segmentation_head(network.decoder(changed))
            torch.testing.assert_close(forward_without(network, x, {SKIPS[depth - 1]}), expected)


def test_nothing_else_is_a_skip(network, x):
    with pytest.raises(ValueError, match="stride 32"):
        forward_without(network, x, {2, 32})


@pytest.mark.parametrize("architecture", ["Unet", "Linknet", "FPN", "Segformer", "DeepLabV3Plus"])
def test_networks_are_built_by_name(architecture):
    network = build(architecture, "tu-resnet10t", 7).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 7, 64, 64)


def test_all_architectures_of_the_library_are_supported():
    library = frameworks.segmentation_models_pytorch()
    assert {name.lower() for name in ARCHITECTURES} == set(library.MODEL_ARCHITECTURES_MAPPING)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="choose one of Unet, UnetPlusPlus"):
        build("Vnet", "resnet18", 2)
    with pytest.raises(KeyError):
        build("Unet", "resnet19", 2)
