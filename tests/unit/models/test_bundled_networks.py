"""The architectures: their outputs, and that folding a batch normalization only changes the number of layers."""

import numpy as np
import pytest

from cnn_demo.models import frameworks
from cnn_demo.models.bundled_networks import cifar10_cnn, fold_batch_norm


@pytest.fixture(scope="module")
def trained():
    """The network to train, as training would leave it: with statistics and scales that are not those of the start."""
    keras = frameworks.keras()
    keras.utils.set_random_seed(5)
    network = cifar10_cnn(batch_norm=True)
    draw = np.random.default_rng(5)
    for layer in network.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    draw.uniform(0.3, 1.5, gamma.shape),
                    draw.normal(0, 0.3, beta.shape),
                    draw.normal(0, 0.5, mean.shape),
                    draw.uniform(0.2, 3, variance.shape),
                ]
            )
    return network


def test_folding_changes_nothing(trained):
    deployed = cifar10_cnn()
    fold_batch_norm(trained, deployed)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(deployed(images), trained(images, training=False), rtol=1e-3, atol=1e-3)
    assert not [layer.name for layer in deployed.layers if layer.name.endswith("_norm")]
    assert deployed.count_params() < trained.count_params() <= 800_000


def test_blocks_start_as_the_identity():
    keras = frameworks.keras()
    network = cifar10_cnn(batch_norm=True)
    before, after = network.get_layer("stem_relu").output, network.get_layer("block1_relu").output
    images = np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    first, second = keras.Model(network.input, [before, after])(images, training=False)
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert float(np.asarray(first).max()) > 0


def test_names_and_shapes():
    network = cifar10_cnn()
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in network.layers}
    assert shapes["stem"] == (32, 32, 32)
    assert shapes["block2_conv1"] == shapes["block2_shortcut"] == shapes["block3_relu"] == (16, 16, 64)
    assert shapes["block5_relu"] == (8, 8, 128)
    assert shapes["pool"] == (128,)
    assert shapes["logits"] == (10,)
    assert "block1_shortcut" not in shapes
