"""How long an explanation takes, beside a bare forward and backward pass and beside pytorch-grad-cam.

Run from anywhere: `python benchmarks/explain.py [--repeats N] [--weights FOLDER]`. Ours begins with the bus sample as
an array and ends with a map of its size: for the class score and for the four sides of one box of YOLO11n at 640
pixels, if its weights are on this machine, and of the everyday detector at its own 320. The bare peer is the same torch
network on its ready input: a forward pass, and a backward pass from the same class logit to that input.
pytorch-grad-cam (https://github.com/jacobgil/pytorch-grad-cam) computes Grad-CAM, Grad-CAM++ and Layer-CAM of the same
logit at the same feature maps; for each method the lowest correlation of its maps with ours is printed, over the five
most confident boxes.

Grad-CAM++ is derived for maps after a ReLU. After a SiLU, the sum of a map can be negative, and the weights of
pytorch-grad-cam are divided by numbers around zero. Ours sums positive activations alone, and is compared with
pytorch-grad-cam doing the same; the correlation with it as it is is printed as well.

The masking methods follow, per run of the network, beside the bare prediction; then one pixel of the bundled U-Nets,
beside bare passes in the same way. At last the class maps of the Keras
networks, beside a bare `GradientTape`: eager, as in Keras's own tutorial, and compiled.

The bars are for the fastest tenth: at most 2.5 × the bare passes and below 400 ms at 640 pixels on two cores, a
correlation of at least 0.95. They are printed, not enforced.
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from timing import fastest, print_times, take_times, verdict

from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, load_classifier, load_detector, load_segmenter
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.letterbox import Letterbox
from cnn_demo.models.detection.yolo_detector import YoloDetector
from cnn_demo.models.explanation.explain import CAMS, METHODS, explain
from cnn_demo.models.explanation.feature_maps import convolutional_layers
from cnn_demo.models.explanation.one_prediction import PERTURBATION_METHODS, explain_prediction, probe_of
from cnn_demo.models.explanation.targets import BoxTarget, PixelTarget, candidate_target
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter

DETECTORS = ("yolo11n", "everyday_detector")
SEGMENTERS = ("everyday_unet", "street_unet")
CLASSIFIERS = ("efficientnet_lite0", "mobilenet_v2")
BOXES = 5
MASKS = 100
MAX_RATIO, MAX_MS, MIN_CORRELATION = 2.5, 400, 0.95
PEER_INSTALLED = importlib.util.find_spec("pytorch_grad_cam") is not None
POSITIVE = "grad_cam_plus_plus of positive sums"
PEERS = {"grad_cam": "GradCAM", "grad_cam_plus_plus": "GradCAMPlusPlus", "layer_cam": "LayerCAM"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--weights", metavar="FOLDER", help="a folder with weights, as CNN_DEMO_WEIGHTS")
    options = parser.parse_args()
    if options.weights:
        os.environ["CNN_DEMO_WEIGHTS"] = options.weights
    pixels = next(sample for sample in sample_photos() if sample.key == "bus").load().pixels
    print(f"One photo of {pixels.shape[1]} × {pixels.shape[0]}, {options.repeats} repeats in an order drawn anew\n")
    if not PEER_INSTALLED:
        print("pytorch-grad-cam is not installed: see requirements-dev.txt\n")
    for key in at_hand(DETECTORS):
        measure_box(key, pixels, options.repeats)
    for key in SEGMENTERS:
        measure_pixel(load_segmenter(key, "cpu"), pixels, options.repeats)
    for key in at_hand(CLASSIFIERS):
        measure_class(load_classifier(key, "cpu"), pixels, options.repeats)


def at_hand(keys: tuple[str, ...]) -> list[str]:
    """Return the keys whose weights are on this machine, and name the others."""
    found = [key for key in keys if find(key).availability() in ("bundled", "at hand")]
    for key in set(keys) - set(found):
        print(f"{find(key).title}: left out, as its weights are not on this machine\n")
    return found


def measure_box(key: str, pixels: np.ndarray, repeats: int) -> None:
    """Print the times and the agreement for boxes of a detector."""
    detector = load_detector(key, "cpu")
    assert isinstance(detector, YoloDetector)
    detector.wait_for_export()
    candidates = detector.candidates(pixels)
    selection = select(candidates, detector.spec.threshold)
    targets = [candidate_target(candidates, int(index)) for index in selection.order[selection.kept][:BOXES]]
    peer = BoxPeer(detector, pixels)
    cam = peer.cam("layer_cam", targets[0])
    times = take_times(
        {
            "ours, class score": lambda: explain_prediction(detector, pixels, targets[0]),
            "ours, four sides": lambda: explain_prediction(detector, pixels, targets[0].with_part("box")),
            "bare passes": lambda: peer.bare(targets[0]),
            "forward alone": peer.forward,
            **({"pytorch-grad-cam": cam} if cam else {}),
        },
        repeats,
    )
    height, width = peer.frame.input
    print(f"{detector.spec.title}, one box, input of {width} × {height}")
    judge(times, peer=cam is not None, limit=MAX_MS if max(height, width) >= 640 else None)
    if PEER_INSTALLED:
        agreement(
            {
                method: min(correlation(peer, method, target, pixels) for target in targets)
                for method in (*PEERS, POSITIVE)
            }
        )
    masking(detector, pixels, targets[0], repeats)


class BoxPeer:
    """The same logit by bare torch, and by pytorch-grad-cam."""

    def __init__(self, detector: YoloDetector, pixels: np.ndarray) -> None:
        self.torch = frameworks.torch()
        self.detector = detector
        self.network = detector.torch_network().model
        self.frame = Letterbox.fit(pixels.shape[:2], detector.spec.input_size[0], max(detector.strides))
        picture = np.ascontiguousarray(self.frame.apply(pixels).transpose(2, 0, 1)[None], np.float32) / 255
        self.ready = self.torch.from_numpy(picture)

    def index(self, target: BoxTarget) -> int:
        """Return the index of the target's cell among all cells."""
        assert target.cell is not None
        level, row, column = target.cell
        shapes = [(self.frame.input[0] // stride, self.frame.input[1] // stride) for stride in self.detector.strides]
        return sum(rows * columns for rows, columns in shapes[:level]) + row * shapes[level][1] + column

    def bare(self, target: BoxTarget) -> Any:
        """Run forward, and backward to the input."""
        with self.torch.enable_grad():
            given = self.ready.clone().requires_grad_()
            logit = self.network(given)["scores"][0, target.class_id, self.index(target)]
            return self.torch.autograd.grad(logit, given)

    def forward(self) -> Any:
        """Run forward."""
        with self.torch.inference_mode():
            return self.network(self.ready)

    def cam(self, method: str, target: BoxTarget) -> Callable[[], np.ndarray] | None:
        """Return pytorch-grad-cam's method as a function that returns a map of the input's size; None without it."""
        assert target.cell is not None
        return grad_cam(
            tapped(self.torch, self.network, target.cell[0]),
            method,
            self.ready,
            lambda scores: scores[target.class_id, self.index(target)],
        )

    def on_photo(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return a map of the input's size at the photo's size."""
        return cv2.resize(self.frame.crop(values), size[::-1], interpolation=cv2.INTER_LINEAR)


def tapped(torch: Any, network: Any, level: int) -> Any:
    """Return a network whose feature maps of one level pass a module of their own, which pytorch-grad-cam can hook."""

    class Tapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.tap = network, torch.nn.Identity()

        def forward(self, given: Any) -> Any:
            def through(_: Any, inputs: Any) -> Any:
                maps = list(inputs[0])
                maps[level] = self.tap(maps[level])
                return (maps,)

            handle = self.network.model[-1].register_forward_pre_hook(through)
            try:
                return self.network(given)["scores"]
            finally:
                handle.remove()

    return Tapped()


def grad_cam(network: Any, method: str, ready: Any, target: Callable[[Any], Any]) -> Callable[[], np.ndarray] | None:
    """Return a function that runs a method of pytorch-grad-cam at `network.tap`; None if it is not installed."""
    if not PEER_INSTALLED:
        return None
    import pytorch_grad_cam

    class PositiveSums(pytorch_grad_cam.GradCAMPlusPlus):
        def get_cam_weights(self, given: Any, layers: Any, targets: Any, maps: Any, gradients: Any) -> np.ndarray:
            return super().get_cam_weights(given, layers, targets, np.maximum(maps, 0), gradients)

    kinds = {name: getattr(pytorch_grad_cam, kind) for name, kind in PEERS.items()} | {POSITIVE: PositiveSums}
    cam = kinds[method](network, [network.tap])
    return lambda: cam(ready.clone().requires_grad_(), [target])[0]


def correlation(peer: BoxPeer, method: str, target: BoxTarget, pixels: np.ndarray) -> float:
    """Return the correlation of our map with that of pytorch-grad-cam."""
    cam = peer.cam(method, target)
    assert cam is not None
    ours = explain_prediction(peer.detector, pixels, target, method.partition(" ")[0], layer="pyramid").map
    return float(np.corrcoef(ours.ravel(), peer.on_photo(cam(), pixels.shape[:2]).ravel())[0, 1])


def judge(times: dict[str, np.ndarray], *, peer: bool, limit: float | None) -> None:
    """Print times and verdicts."""
    print_times(times)
    ours, sides, bare, forward, *theirs = fastest(times).values()
    for name, each in (("class score", ours), ("four sides", sides)):
        print(
            f"  {name}: {each / bare:.2f} × the bare passes (at most {MAX_RATIO}: {verdict(each / bare <= MAX_RATIO)})"
        )
        if limit is not None:
            print(f"  {name}: below {limit} ms: {verdict(each < limit)}")
    print(f"  class score: {ours / forward:.2f} × the forward pass alone")
    if peer:
        print(f"  class score: {theirs[0] / ours:.2f} × faster than pytorch-grad-cam")


def agreement(lowest: dict[str, float]) -> None:
    """Print the lowest correlation with each of pytorch-grad-cam's methods."""
    raw = lowest.pop("grad_cam_plus_plus")
    for method, value in lowest.items():
        title = METHODS[method.partition(" ")[0]].title
        print(f"  {title}: correlation {value:.4f} (at least {MIN_CORRELATION}: {verdict(value >= MIN_CORRELATION)})")
    print(f"  Grad-CAM++ of pytorch-grad-cam as it is, with sums that may be negative: {raw:.4f}")


def masking(detector: YoloDetector, pixels: np.ndarray, target: BoxTarget, repeats: int) -> None:
    """Print the time of the masking methods."""
    picture = probe_of(detector, pixels, target).picture
    (bare,) = fastest(take_times({"prediction": lambda: detector.raw(picture)}, repeats)).values()
    for method, each in PERTURBATION_METHODS.items():
        start = time.perf_counter()
        runs = explain_prediction(detector, pixels, target, method, masks=MASKS).runs
        milliseconds = (time.perf_counter() - start) * 1000
        print(
            f"  {each.title}: {runs} runs in {milliseconds / 1000:.1f} s, {milliseconds / runs:.1f} ms each; the bare "
            f"prediction by {detector.engine} {bare:.1f} ms"
        )
    print()


def measure_pixel(model: SemanticSegmenter, pixels: np.ndarray, repeats: int) -> None:
    """Print the times and the agreement for the pixel in the middle of the photo, at the size of training."""
    torch = frameworks.torch()
    row, column = pixels.shape[0] // 2, pixels.shape[1] // 2
    target = PixelTarget(row, column, int(model.predict(pixels).class_map[row, column]))
    frame = model.frame(pixels.shape[:2])
    ready = model.batch(frame.apply(pixels))
    at = row * frame.scaled[0] // pixels.shape[0], column * frame.scaled[1] // pixels.shape[1]
    coarsest = probe_of(model, pixels, target).layers[0]

    def bare() -> Any:
        with torch.enable_grad():
            given = ready.clone().requires_grad_()
            return torch.autograd.grad(model.network(given)[0, target.class_id, at[0], at[1]], given)

    times = take_times(
        {"ours, one pixel": lambda: explain_prediction(model, pixels, target, layer=coarsest), "bare passes": bare},
        repeats,
    )
    print(f"{model.spec.title}, one pixel, input of {frame.input[1]} × {frame.input[0]}")
    print_times(times)
    ours, passes = fastest(times).values()
    print(f"  {ours / passes:.2f} × the bare passes (at most {MAX_RATIO}: {verdict(ours / passes <= MAX_RATIO)})")
    print(f"  below {MAX_MS} ms: {verdict(ours < MAX_MS)}\n")


def measure_class(model: Classifier, pixels: np.ndarray, repeats: int) -> None:
    """Print the times of a class map."""
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    seen = model.prepare(pixels)
    chosen = int(model.predict(pixels).probabilities.argmax())
    layer = convolutional_layers(model.network)[-1]
    both = keras.Model(model.network.input, [model.network.get_layer(layer).output, model.network.output])
    ready = tf.constant(model.scaled(seen[None]))

    def tape(batch: Any) -> Any:
        with tf.GradientTape() as gradients:
            gradients.watch(batch)
            maps, logits = both(batch, training=False)
            logit = logits[:, chosen]
        return maps, gradients.gradient(logit, maps)

    compiled = tf.function(tape)
    times = take_times(
        {
            **{METHODS[method].title: partial(explain, model, seen, chosen, method) for method in CAMS},
            "eager tape": lambda: [value.numpy() for value in tape(ready)],
            "compiled tape": lambda: [value.numpy() for value in compiled(ready)],
        },
        repeats,
    )
    print(f"{model.spec.title}, one class, input of {seen.shape[1]} × {seen.shape[0]}")
    print_times(times)
    ms = fastest(times)
    slowest = max(ms[METHODS[method].title] for method in CAMS)
    ratio = slowest / ms["compiled tape"]
    print(f"  {ratio:.2f} × the compiled tape (at most {MAX_RATIO}: {verdict(ratio <= MAX_RATIO)})")
    print(f"  {ms['eager tape'] / slowest:.2f} × faster than the eager tape\n")


if __name__ == "__main__":
    main()
