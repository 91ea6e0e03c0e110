"""EfficientNet-Lite: the network in Keras, its published weights, and its use as an encoder in torch."""
