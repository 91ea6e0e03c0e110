"""Fine-tuning: the last block of a trained network learns on, together with the new head, from the visitor's photos.

The network is shared by all visitors and is never changed: what learns is a copy of the block's kernels, put in their
place for each computation. Everything before the block is computed once. Batch normalization stays as it is, for a
handful of photos is too few to measure means and variances by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.images import Photo
from cnn_demo.models import frameworks
from cnn_demo.models.classification.digits import Epoch
from cnn_demo.models.transfer.backbones import BATCH, Progress, compiled, feature_tensor, in_batches
from cnn_demo.models.transfer.heads import Head, check_fit
from cnn_demo.models.transfer.linear_head import L2, Adam, HeadRun, measured, training_part

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.classification.classifiers import Classifier

EPOCHS = 8
RATE = 1e-4
"""A hundredth of what such networks are trained with: the block is to be adapted, not learned anew."""
MIN_CONVOLUTIONS = 3


@dataclass(frozen=True, eq=False)
class Tail:
    """A copy of the last block that has learned on.

    Attributes:
        layer: Name of the layer whose output goes into it.
        values: Its kernels and biases, float32, in the order of computation.
    """

    layer: str
    values: tuple[np.ndarray, ...] = field(repr=False)

    def features(self, model: Classifier, photos: Sequence[Photo], fit: str = "crop") -> np.ndarray:
        """Return (N, F) float32 features, as `backbones.features` does, with this block in the place of its own."""
        maps = in_batches(compiled(model, self.layer), model, photos, fit, model.lock, None)
        return self.finish(model, maps)

    def finish(self, model: Classifier, maps: np.ndarray) -> np.ndarray:
        """Return the features of (N, h, w, c) float32 maps that came out of `layer`."""
        function, variables = _block(model.network, self.layer)
        tf = frameworks.tensorflow()
        parts = []
        for start in range(0, len(maps), BATCH):
            with model.lock, frameworks.placed_on(model.device):
                batch = tf.constant(maps[start : start + BATCH])
                parts.append(_with_values(function, variables, self.values, batch).numpy())
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class TunedRun(HeadRun):
    """A fine-tuning as far as it has come: a `HeadRun` whose head belongs on the features of its tail.

    Attributes:
        tail: The block as it is now. Each run has a copy: keep the last run only, it has all epochs.
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
    """Train the last block together with a head that has been trained on the frozen network.

    Args:
        model: The classifier that the head was trained on; it is not changed.
        photos: N photos.
        classes: (N,) int, the numbers of their labels.
        hold_out: Numbers of the photos that are only measured on: the same as when the head was trained.
        head: Where to begin. How it standardises features is kept.
        epochs: How often every training photo is seen, in batches of 16.
        rate: Of Adam, for all values.
        l2: Regularisation of the head's weights.
        seed: Of the order of the photos.
        progress: Told how many photos have gone through the frozen part, before the training begins.

    Yields:
        What there is after each epoch, as `train_head` does.

    Raises:
        HeadError: If the head was trained on another model.
        ValueError: If the network has no last block that hangs on one feature map, or the arrays do not fit.
    """
    check_fit(head, model)
    train = training_part(len(photos), classes, len(head.labels), hold_out)
    layer = cut_layer(model.network)
    maps = in_batches(compiled(model, layer), model, photos, head.fit, model.lock, progress)
    _, variables = _block(model.network, layer)
    values = [variable.value.numpy().copy() for variable in variables] + [head.weights.copy(), head.bias.copy()]
    gradients = _gradients(model, layer, head, l2, maps.shape[1:])
    moves, targets = [Adam(rate) for _ in values], np.eye(len(head.labels), dtype=np.float32)[classes]
    chance, done = np.random.default_rng(seed), []
    for _ in range(epochs):
        order = chance.permutation(train)
        for batch in (order[start : start + BATCH] for start in range(0, len(order), BATCH)):
            with model.lock, frameworks.placed_on(model.device):
                slopes = [slope.numpy() for slope in gradients(maps[batch], targets[batch], values)]
            values = [value + move(slope) for value, move, slope in zip(values, moves, slopes, strict=True)]
        run = _run(model, Tail(layer, tuple(values[:-2])), maps, head, values[-2:], classes, train, hold_out, done)
        yield run
        done = list(run.epochs)


def _run(model, tail: Tail, maps, head: Head, last: list, classes, train, hold_out, before: list[Epoch]) -> TunedRun:
    """Measure where the training is."""
    now = Head(*last, head.mean, head.scale, head.labels, head.backbone, head.fit)
    probabilities = now.probabilities(tail.finish(model, maps))
    epochs = (*before, measured(probabilities, classes, train, hold_out))
    return TunedRun(epochs, now, probabilities[hold_out], tail)


def cut_layer(network: keras.Model) -> str:
    """Find where the last block begins; return the name of the layer whose output goes into it.

    That is the last feature map that everything behind it hangs on alone, with at least three convolutions behind it:
    the input of the last block in ResNet or Inception, of the last three convolutions in VGG and MobileNet.

    Raises:
        ValueError: If more than half of the convolutions lie behind it, as in NASNet, whose cells all take the outputs
            of two others.
    """
    keras, tensor = frameworks.keras(), feature_tensor(network)
    operations = keras.Model(network.input, tensor).operations  # in the order of computation
    total, behind = sum(_learns(each) for each in operations), 0
    needed = {tensor._keras_history.operation.name}  # by what lies behind
    for operation in reversed(operations):
        if needed == {operation.name} and behind >= MIN_CONVOLUTIONS and isinstance(operation, keras.layers.Layer):
            break
        needed.remove(operation.name)
        needed |= {each._keras_history.operation.name for each in keras.tree.flatten(operation.input)}
        behind += _learns(operation)
    if behind > total / 2:
        raise ValueError("The last block of this network cannot be trained apart: please choose another network.")
    return operation.name


def _learns(operation) -> bool:
    """Whether it is a layer whose weights are fine-tuned: one that makes maps of maps and is no normalization."""
    keras = frameworks.keras()
    fixed = (keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.Normalization)
    is_layer = isinstance(operation, keras.layers.Layer) and not isinstance(operation, fixed)
    return is_layer and bool(operation.weights) and len(operation.output.shape) == 4


def _block(network: keras.Model, layer: str):
    """Return the function from a layer's output to the features, and the variables in it that learn.

    A `keras.Function` leaves the network's graph as it is; a model that begins at an inner tensor would add to it.
    """
    function = frameworks.keras().Function(network.get_layer(layer).output, feature_tensor(network))
    return function, [variable for each in function.operations if _learns(each) for variable in each.trainable_weights]


def _with_values(function, variables: list, values: Sequence, maps):
    """Compute the features of maps with these values in the place of the variables, which stay as they are."""
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
        found = function(maps)
    return tf.reshape(found, (-1, found.shape[-1]))


def _gradients(model: Classifier, layer: str, head: Head, l2: float, shape: tuple[int, ...]):
    """Compile the gradients of the loss by the block's values, the head's weights and its bias."""
    tf = frameworks.tensorflow()
    function, variables = _block(model.network, layer)

    def gradients(maps, targets, values):
        with tf.GradientTape() as tape:
            tape.watch(values)
            *inner, weights, bias = values
            found = _with_values(function, variables, inner, maps)
            logits = ((found - head.mean) / head.scale) @ weights + bias
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
            loss += l2 / 2 * tf.reduce_sum(weights**2)
        return tape.gradient(loss, values)

    shapes = [*(variable.shape for variable in variables), head.weights.shape, head.bias.shape]
    values = [tf.TensorSpec(each, tf.float32) for each in shapes]
    return tf.function(gradients, [tf.TensorSpec((None, *shape)), tf.TensorSpec((None, len(head.labels))), values])
