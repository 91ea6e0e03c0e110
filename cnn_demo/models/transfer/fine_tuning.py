"""Fine-tuning of a network's last block together with a new head.

The network is shared by all visitors and is never modified: a copy of the block's weights is trained and substituted in
each computation. Everything before the block is computed once. Batch normalization stays frozen, because a handful of
photos is too few to estimate means and variances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.models import frameworks
from cnn_demo.models.classification.digits import Epoch
from cnn_demo.models.engines import ValueGradients, compute, value_gradients
from cnn_demo.models.transfer.backbones import BATCH, Progress, compiled, feature_tensor, in_batches
from cnn_demo.models.transfer.heads import Head, check_fit
from cnn_demo.models.transfer.linear_head import L2, Adam, HeadRun, measured, training_part

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier
    from cnn_demo.models.frameworks import BackendTensor

EPOCHS = 8
RATE = 1e-4
"""Learning rate; a hundredth of the usual rate of training from scratch."""
MIN_CONVOLUTIONS = 3


@dataclass(frozen=True, eq=False)
class Tail:
    """Fine-tuned weights of the last block.

    Attributes:
        layer: Name of the layer whose output is the block's input.
        values: Kernels and biases, float32, in computation order.
    """

    layer: str
    values: tuple[np.ndarray, ...] = field(repr=False)

    def features(self, model: Classifier, photos: Sequence[Photo], fit: str = "crop") -> np.ndarray:
        """Return features (N, F) float32 like `backbones.features`, computed with the fine-tuned block."""
        maps = in_batches(compiled(model, self.layer), model, photos, fit, model.lock, None)
        return self.finish(model, maps)

    def finish(self, model: Classifier, maps: np.ndarray) -> np.ndarray:
        """Return the features for outputs (N, h, w, c) float32 of `layer`."""
        function, variables = _block(model.network, self.layer)
        run = compute(lambda values, batch: _with_values(function, variables, values, batch), model.device)
        parts = []
        for start in range(0, len(maps), BATCH):
            with model.lock:
                parts.append(run(self.values, maps[start : start + BATCH]))
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class TunedRun(HeadRun):
    """State of a fine-tuning run: a `HeadRun` whose head takes the features of its tail.

    Attributes:
        tail: Current weights of the block. Each run holds a copy: keep only the last run, which has all epochs.
    """

    tail: Tail


def fine_tune(
    model: Classifier,
    photos: Sequence[Photo],
    classes: np.ndarray,
    hold_out: np.ndarray,
    head: Head,
    *,
    epochs: int = EPOCHS,
    rate: float = RATE,
    l2: float = L2,
    seed: int = 0,
    progress: Progress | None = None,
) -> Iterator[TunedRun]:
    """Train the last block together with a head that was trained on the frozen network.

    Args:
        model: The classifier that the head was trained on; it is not modified.
        photos: N photos.
        classes: (N,) int, class indices.
        hold_out: Indices of the validation photos, the same as for training the head.
        head: Initial head; its standardization of features is kept.
        epochs: Number of epochs, in batches of 16.
        rate: Learning rate of Adam.
        l2: L2 regularization of the head's weights.
        seed: Seed of the order of the photos.
        progress: Callback that receives the number of photos passed through the frozen layers before training starts.

    Yields:
        The state after each epoch.

    Raises:
        HeadError: If the head was trained on another model.
        ValueError: If the network has no last block with a single feature map as input, or the arrays do not fit.
    """
    check_fit(head, model)
    train = training_part(len(photos), classes, len(head.labels), hold_out)
    layer = cut_layer(model.network)
    maps = in_batches(compiled(model, layer), model, photos, head.fit, model.lock, progress)
    _, variables = _block(model.network, layer)
    values = [frameworks.keras().ops.convert_to_numpy(variable).copy() for variable in variables]
    values += [head.weights.copy(), head.bias.copy()]
    gradients = _gradients(model, layer, head, l2, maps.shape[1:])
    moves = [Adam(rate) for _ in values]
    targets = np.eye(len(head.labels), dtype=np.float32)[classes]
    chance = np.random.default_rng(seed)
    done: list[Epoch] = []
    for _ in range(epochs):
        order = chance.permutation(train)
        for batch in (order[start : start + BATCH] for start in range(0, len(order), BATCH)):
            with model.lock:
                slopes = gradients(values, maps[batch], targets[batch])
            values = [value + move(slope) for value, move, slope in zip(values, moves, slopes, strict=True)]
        *block, weights, bias = values
        now = replace(head, weights=weights, bias=bias)
        run = _run(model, Tail(layer, tuple(block)), maps, now, classes, train, hold_out, done)
        yield run
        done = list(run.epochs)


def _run(
    model: Classifier,
    tail: Tail,
    maps: np.ndarray,
    head: Head,
    classes: np.ndarray,
    train: np.ndarray,
    hold_out: np.ndarray,
    before: list[Epoch],
) -> TunedRun:
    """Return the state of the run with the metrics of the current epoch."""
    probabilities = head.probabilities(tail.finish(model, maps))
    epochs = (*before, measured(probabilities, classes, train, hold_out))
    return TunedRun(epochs, head, probabilities[hold_out], tail)


def cut_layer(network: keras.Model) -> str:
    """Return the name of the layer whose output is the input of the last block.

    This is the last feature map that all later layers depend on exclusively and that at least three convolutions
    follow: the input of the last block in ResNet or Inception, of the last three convolutions in VGG and MobileNet.

    Raises:
        ValueError: If more than half of the convolutions follow it, as in NASNet, whose cells all take the outputs of
            two others.
    """
    keras = frameworks.keras()
    tensor = feature_tensor(network)
    operations = keras.Model(network.input, tensor).operations  # in computation order
    total = sum(_learns(each) for each in operations)
    behind = 0
    needed = {tensor._keras_history.operation.name}  # by later operations
    for operation in reversed(operations):
        if needed == {operation.name} and behind >= MIN_CONVOLUTIONS and isinstance(operation, keras.layers.Layer):
            break
        needed.remove(operation.name)
        needed |= {each._keras_history.operation.name for each in keras.tree.flatten(operation.input)}
        behind += _learns(operation)
    if behind > total / 2:
        raise ValueError("The last block of this network cannot be trained separately: please choose another network.")
    return operation.name


def _learns(operation: keras.Operation) -> bool:
    """Return whether an operation is a layer whose weights are fine-tuned: convolutions, but no normalizations."""
    keras = frameworks.keras()
    fixed = (keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.Normalization)
    is_layer = isinstance(operation, keras.layers.Layer) and not isinstance(operation, fixed)
    return is_layer and bool(operation.weights) and len(operation.output.shape) == 4


def _block(network: keras.Model, layer: str) -> tuple[keras.Function, list[keras.Variable]]:
    """Return the function from a layer's output to the features, and its trainable variables.

    A `keras.Function` does not modify the network's graph; a model that starts at an inner tensor would add to it.
    """
    function = frameworks.keras().Function(network.get_layer(layer).output, feature_tensor(network))
    return function, [variable for each in function.operations if _learns(each) for variable in each.trainable_weights]


def _with_values(
    function: keras.Function, variables: list[keras.Variable], values: Sequence[BackendTensor], maps: BackendTensor
) -> BackendTensor:
    """Compute the features of maps with these values instead of the variables, which are not modified."""
    keras = frameworks.keras()
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
        found = function(maps)
    return keras.ops.reshape(found, (-1, found.shape[-1]))  # (N, F) or (N, 1, 1, F) -> (N, F)


def _gradients(model: Classifier, layer: str, head: Head, l2: float, shape: tuple[int, ...]) -> ValueGradients:
    """Compile the gradients of the loss with respect to the block's values, the head's weights and its bias."""
    ops = frameworks.keras().ops
    function, variables = _block(model.network, layer)

    def loss(values: list[BackendTensor], maps: BackendTensor, targets: BackendTensor) -> BackendTensor:
        *inner, weights, bias = values
        found = _with_values(function, variables, inner, maps)
        mean, scale = ops.convert_to_tensor(head.mean), ops.convert_to_tensor(head.scale)
        logits = ops.matmul((found - mean) / scale, weights) + bias
        losses = ops.categorical_crossentropy(targets, logits, from_logits=True)
        return ops.mean(losses) + l2 / 2 * ops.sum(weights**2)

    shapes = [*(tuple(variable.shape) for variable in variables), head.weights.shape, head.bias.shape]
    return value_gradients(loss, model.device, [*shapes, (None, *shape), (None, len(head.labels))])
