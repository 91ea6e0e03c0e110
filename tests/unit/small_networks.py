"""Small networks for the tests of explanations, and classifiers around them."""

import threading
from types import SimpleNamespace

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.calibration import softmax

SIDE = 16
CORNER = 4  # of the map that `corner_network` keeps
SEEN_BY_CORNER = CORNER + 1  # with the pixel more that its 3 × 3 kernel reaches


class Double:
    """A classifier around any small network, with all that `cnn_demo.models.Classifier` offers to explanations."""

    def __init__(self, network) -> None:
        self.network = network
        self.spec = SimpleNamespace(input_size=tuple(network.inputs[0].shape[1:3]))
        self.device = "cpu"
        self.temperature = 1.0
        self.lock = threading.Lock()

    def scaled(self, batch):
        return batch.astype(np.float32) / 127.5 - 1

    def logits(self, batch):
        return frameworks.keras().ops.convert_to_numpy(self.network(self.scaled(batch), training=False))

    def probabilities(self, logits):
        return softmax(logits, 1.0).astype(np.float32)


def picture(seed: int = 0, low: int = 0, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, 256, (side, side, 3), dtype=np.uint8)


def randomize(network, seed: int = 0):
    """Give all weights fixed values; the same for networks whose weights come in the same order and shapes."""
    random = np.random.default_rng(seed)
    network.set_weights([random.normal(0, 0.5, weight.shape).astype(np.float32) for weight in network.get_weights()])
    return network


def corner_network(side: int = SIDE):
    """Class 0 is how bright the upper left corner is (no more than 5 × 5 pixels of it); class 1 is always 0."""
    keras = frameworks.keras()
    rest = ((0, side - CORNER), (0, side - CORNER))
    x = inputs = keras.Input((side, side, 3), name="image")
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(x)
    x = keras.layers.Cropping2D(rest, name="crop")(x)
    x = keras.layers.ZeroPadding2D(rest, name="corner")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    network = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    fraction = CORNER**2 / side**2
    kernel = np.full((3, 3, 3, 2), 1 / 27, np.float32)  # the mean, from −1 to 1
    bias = np.array([1, 2], np.float32)  # so that the ReLU never closes
    dense = np.array([[2 / fraction, 0], [1 / fraction, 0]], np.float32)
    network.set_weights([kernel, bias, dense, np.array([-4, 0], np.float32)])  # logit = 3 · mean, less at the edges
    return network


def pooled_network(seed: int = 1):
    """Two convolutions, global average pooling, three classes: Zhou's CAM has a closed form here."""
    keras = frameworks.keras()
    x = inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", name="second")(x)
    x = keras.layers.ReLU(name="second_relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return randomize(keras.Model(inputs, keras.layers.Dense(3, name="logits")(x)), seed)


def linear_network(weights: np.ndarray):
    """Logit 0 is sum(weights · scaled picture), logit 1 is 0; weights are (h, w, 3)."""
    keras = frameworks.keras()
    inputs = keras.Input(weights.shape, name="image")
    flat = keras.layers.Flatten(name="flat")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2, use_bias=False, name="logits")(flat))
    network.set_weights([np.stack([weights.ravel(), np.zeros(weights.size)], axis=1).astype(np.float32)])
    return network


def base_network(name: str = "base"):
    """Layers that are nested in others below: a convolution, a ReLU, pooling, and a way around a convolution."""
    keras = frameworks.keras()
    x = inputs = keras.Input((SIDE, SIDE, 4))
    x = keras.layers.Conv2D(5, 3, padding="same", name="conv")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.MaxPooling2D(2, name="shrink")(x)
    y = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="beside")(x)
    return keras.Model(inputs, keras.layers.Add(name="add")([x, y]), name=name)


def nested_network(kind: str, seed: int = 2):
    """The same function, written "flat", with a "nested" base, one "twice" nested, or in a "sequential" model."""
    keras = frameworks.keras()
    stem = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    logits = keras.layers.Dense(3, name="logits")
    base = base_network()
    if kind == "sequential":  # built layer by layer, so that its layers have been called more than once
        network = keras.Sequential([keras.Input((SIDE, SIDE, 3))])
        for layer in (stem, base, pool, logits):
            network.add(layer)
        return randomize(network, seed)
    inputs = keras.Input((SIDE, SIDE, 3), name="image")
    x = stem(inputs)
    if kind == "flat":
        conv, relu, shrink, beside, add = (base.get_layer(n) for n in ("conv", "relu", "shrink", "beside", "add"))
        x = shrink(relu(conv(x)))
        x = add([x, beside(x)])
    elif kind == "nested":
        x = base(x, training=False)
    elif kind == "twice":
        outer_inputs = keras.Input((SIDE, SIDE, 4))
        x = keras.Model(outer_inputs, base(outer_inputs), name="outer")(x)
    return randomize(keras.Model(inputs, logits(pool(x))), seed)
