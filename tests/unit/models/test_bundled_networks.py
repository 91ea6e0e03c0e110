"""The architectures: the names and output shapes of their layers."""

from cnn_demo.models.bundled_networks import cifar10_cnn


def test_names_and_shapes():
    network = cifar10_cnn()
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in network.layers}
    assert shapes["stem"] == (32, 32, 32)
    assert shapes["block2_conv1"] == shapes["block2_shortcut"] == shapes["block3_relu"] == (16, 16, 64)
    assert shapes["block5_relu"] == (8, 8, 128)
    assert shapes["pool"] == (128,)
    assert shapes["logits"] == (10,)
    assert "block1_shortcut" not in shapes
