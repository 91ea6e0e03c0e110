"""Torch networks of random weights, for tests, whose maps do not fade on the way."""

from cnn_demo.models import frameworks


def fit_normalizations(network, pictures) -> None:
    """Set the statistics of all batch normalizations to those of some pictures; the network is in evaluation mode then.

    Args:
        network: A torch module.
        pictures: (N, C, H, W) network inputs.
    """
    torch = frameworks.torch()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(pictures)
    network.eval()
