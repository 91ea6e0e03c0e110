"""The functions of `engines` in TensorFlow, traced and compiled once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnn_demo.models import frameworks

if TYPE_CHECKING:
    import keras

    from cnn_demo.models.engines.signatures import Forward, InputGradient, MapGradient, ValueGradients
    from cnn_demo.models.frameworks import TfTensor


def forward(network: keras.Model, device: str) -> Forward:
    """Compile the forward pass of a network."""
    specs = _specs(*((None, *tensor.shape[1:]) for tensor in network.inputs))

    def outputs(*batches: TfTensor) -> Any:
        return network(batches[0] if len(batches) == 1 else list(batches), training=False)

    return _compiled(outputs, specs, device)


def input_gradient(network: keras.Model, device: str) -> InputGradient:
    """Compile the gradient of sum(output · seed) with respect to the images."""
    tf = frameworks.tensorflow()

    def gradient(batch: TfTensor, seed: TfTensor) -> TfTensor:
        with tf.GradientTape() as tape:
            tape.watch(batch)
            total = tf.reduce_sum(network(batch, training=False) * seed)
        return tape.gradient(total, batch)

    return _compiled(gradient, _specs((None, *network.input.shape[1:]), (1, *network.output.shape[1:])), device)


def map_gradient(network: keras.Model, device: str) -> MapGradient:
    """Compile the gradient of sum(logits · seed) with respect to feature maps."""
    tf = frameworks.tensorflow()

    def maps_and_gradient(batch: TfTensor, seed: TfTensor) -> tuple[TfTensor, TfTensor]:
        with tf.GradientTape() as tape:
            tape.watch(batch)
            maps, logits = network(batch, training=False)
            score = tf.reduce_sum(logits * seed)
        return maps, tape.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    shapes = ((None, *network.input.shape[1:]), (1, *network.outputs[1].shape[1:]))
    return _compiled(maps_and_gradient, _specs(*shapes), device)


def value_gradients(loss: Callable[..., Any], device: str, shapes: Sequence[tuple[int | None, ...]]) -> ValueGradients:
    """Compile the gradients of a loss with respect to values that are trained."""
    tf = frameworks.tensorflow()

    def gradients(values: list[TfTensor], inputs: TfTensor, targets: TfTensor) -> list[TfTensor]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = loss(values, inputs, targets)
        return tape.gradient(total, values)

    *values, inputs, targets = _specs(*shapes)
    return _compiled(gradients, [values, inputs, targets], device)


def compute(function: Callable[..., Any], device: str) -> Callable[..., Any]:
    """Return a function of tensors as a function of arrays; it is not compiled."""
    tf = frameworks.tensorflow()

    def run(*arrays: Any) -> Any:
        with frameworks.placed_on(device):
            return _arrays(function(*tf.nest.map_structure(tf.constant, arrays)))

    return run


def _specs(*shapes: tuple[int | None, ...]) -> list[Any]:
    tf = frameworks.tensorflow()
    return [tf.TensorSpec(shape, tf.float32) for shape in shapes]


def _compiled(function: Callable[..., Any], specs: list[Any], device: str) -> Callable[..., Any]:
    """Compile a function of tensors, now and not at its first call; return it as a function of arrays.

    Without XLA, which takes 60 MB and is ten times slower for all layers of an EfficientNet-Lite.
    """
    tf = frameworks.tensorflow()
    compiled = tf.function(function, specs)
    compiled.get_concrete_function()
    return compute(compiled, device)


def _arrays(outputs: Any) -> Any:
    return frameworks.tensorflow().nest.map_structure(lambda value: value.numpy(), outputs)
