"""Make the pictures of the home page's seven cards: each shows what its page computes, drawn from the sample photos.

It needs a folder of weights with `keras/models` as Keras fills it (MobileNetV2 and the class names of ImageNet)
and `yolo11n.pt`. From the project's root:

    CNN_DEMO_WEIGHTS=folder python assets/make_cards.py
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["KERAS_HOME"] = str(Path(os.environ["CNN_DEMO_WEIGHTS"], "keras").resolve())
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["YOLO_AUTOINSTALL"] = "False"
os.environ["YOLO_OFFLINE"] = "True"
os.environ["ULTRALYTICS_SAFE_LOAD"] = "1"

# isort: off
import torch  # noqa: F401  torch and torchvision before TensorFlow: the other way round, the process aborts
import torchvision  # noqa: F401
import tensorflow as tf
import keras
# isort: on

import cv2
import matplotlib
import numpy as np
import supervision as sv
from PIL import Image
from ultralytics import YOLO

from cnn_demo.convolution import ConvSpec, activate, convolve, kernel, pool
from cnn_demo.drawing.masks import overlay
from cnn_demo.drawing.palette import class_colours
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import sample_photos
from cnn_demo.models import load
from cnn_demo.project import ROOT
from cnn_demo.results import BACKGROUND
from cnn_demo.topics import TOPICS

WEIGHTS = Path(os.environ["CNN_DEMO_WEIGHTS"])
WIDTH, HEIGHT = 640, 400
MAX_BYTES = 60_000
GROUND = (16, 21, 31)  # the dark theme's, between pictures
_RGB = ((255, 176, 0), (0, 170, 255), (255, 77, 141), (90, 220, 110), (170, 120, 255), (0, 200, 255))
# Supervision draws on blue-green-red pictures and ours are red-green-blue, so it gets its colours the other way round.
COLOURS = sv.ColorPalette([sv.Color(*colour[::-1]) for colour in _RGB])


def sample(key: str, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return the part (left, top, right, bottom) of a sample photo, (400, 640, 3) uint8."""
    photo = next(photo for photo in sample_photos() if photo.key == key).load()
    return np.array(Image.fromarray(photo.pixels).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, box))


def grey(photo: np.ndarray) -> np.ndarray:
    """Return the brightness of a photo, (H, W) float32 in 0...1."""
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255


def coloured(values: np.ndarray, colormap: str, low: float, high: float) -> np.ndarray:
    """Return the picture of an (H, W) map, (H, W, 3) uint8, with the colormap's ends at `low` and `high`."""
    return matplotlib.colormaps[colormap]((values - low) / (high - low), bytes=True)[..., :3]


def convolution(photo: np.ndarray) -> np.ndarray:
    """Left the photo, right what a Sobel kernel answers: red where it gets brighter to the right, blue where darker."""
    edges = convolve(grey(photo), kernel("sobel", size=5), ConvSpec(padding_mode="reflect"))
    limit = np.percentile(np.abs(edges), 98)  # the strongest 2% share the deepest colour
    edges = display_values(edges.clip(-limit, limit), "signed")
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = (x - 345 + 0.18 * (y - HEIGHT / 2))[..., None]  # from the dividing line, negative on its left
    line = (3 - np.abs(distance)).clip(0, 1)
    return (line * GROUND + (1 - line) * np.where(distance < 0, photo, edges)).astype(np.uint8)


def layers(photo: np.ndarray) -> np.ndarray:
    """Four times convolution, ReLU and max pooling: maps of 320, 160, 80 and 40 pixels, shown pixel by pixel."""
    maps = grey(cv2.resize(photo[:, 140:540], (640, 640), interpolation=cv2.INTER_CUBIC))
    picture = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    left = 8
    for weights in kernel("sobel", size=9, angle=60.0), kernel("gaussian"), kernel("sharpen"), kernel("gaussian"):
        maps = pool(activate(convolve(maps, weights, ConvSpec(padding_mode="reflect")), "relu"), "max", 2)
        side = len(maps)
        top = (HEIGHT - side) // 2
        picture[top : top + side, left : left + side] = coloured(maps, "viridis", 0, np.percentile(maps, 98))
        left += side + 8
    return picture


def prepared(photo: np.ndarray, network: keras.Model) -> np.ndarray:
    """Return the photo as the network wants it: a batch of one, scaled to −1...1."""
    small = cv2.resize(photo, network.input_shape[2:0:-1], interpolation=cv2.INTER_AREA)
    return keras.applications.mobilenet_v2.preprocess_input(small[None].astype(np.float32))


def feature_maps(photo: np.ndarray, network: keras.Model) -> np.ndarray:
    """All 24 feature maps of an early layer, each in colours from its own lowest to its own highest value."""
    layer = keras.Model(network.input, network.get_layer("block_1_project_BN").output)
    maps = layer(prepared(photo, network), training=False)[0].numpy()
    picture = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    for i in range(24):
        tile = cv2.resize(maps[..., i], (158, 99), interpolation=cv2.INTER_CUBIC)[2:-2, 35:137]
        top, left = 4 + 99 * (i // 6), 4 + 106 * (i % 6)
        picture[top : top + 95, left : left + 102] = coloured(tile, "magma", *np.percentile(tile, (1, 99)))
    return picture


def pretrained(photo: np.ndarray, network: keras.Model) -> np.ndarray:
    """The photo under its Grad-CAM (https://arxiv.org/abs/1610.02391): red speaks most for the network's answer."""
    with tf.GradientTape() as tape:
        split = keras.Model(network.input, [network.get_layer("out_relu").output, network.output])
        features, logits = split(prepared(photo, network), training=False)
        best = tf.reduce_max(logits)
    importance = tf.reduce_mean(tape.gradient(best, features), axis=(0, 1, 2))  # of each channel
    heat = tf.nn.relu(tf.tensordot(features[0], importance, 1)).numpy()
    heat = cv2.resize(heat, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    brightness = 255 * grey(photo)[..., None]
    colours = coloured(heat, "turbo", 0, 1.1 * heat.max()) * (0.3 + brightness / 200)
    return (0.65 * colours + 0.35 * brightness).clip(0, 255).astype(np.uint8)


def localization(photo: np.ndarray) -> np.ndarray:
    """The one box of the bundled localizer, and its class."""
    answer = load("caltech_localizer").predict(photo)
    box = sv.Detections(answer.box_xyxy[None], class_id=np.zeros(1, int))
    dimmed = sv.BackgroundOverlayAnnotator(opacity=0.45).annotate(photo.copy(), box)
    return with_boxes(dimmed, box, [answer.label])


def with_boxes(photo: np.ndarray, objects: sv.Detections, names: list[str]) -> np.ndarray:
    """Return the photo with a labelled box around each object, in its class's colour."""
    picture = sv.BoxAnnotator(COLOURS, thickness=4).annotate(photo.copy(), objects)
    label = sv.RichLabelAnnotator(COLOURS, text_color=sv.Color.BLACK, font_size=26, text_padding=6, smart_position=True)
    return label.annotate(picture, objects, names)


def found(weights: str, photo: np.ndarray, **settings) -> sv.Detections:
    """Return what an Ultralytics network finds in a photo."""
    return sv.Detections.from_ultralytics(YOLO(WEIGHTS / weights)(photo[..., ::-1], verbose=False, **settings)[0])


def detection(photo: np.ndarray) -> np.ndarray:
    """A street's objects, each in a labelled box."""
    objects = found("yolo11n.pt", photo)
    return with_boxes(photo, objects, list(objects["class_name"]))


def segmentation(key: str, box: tuple[int, int, int, int]) -> np.ndarray:
    """A sample photo under the classes of the bundled everyday U-Net, each in its colour, with outlines.

    The network sees the whole photo; the card shows the part (left, top, right, bottom).
    """
    whole = next(photo for photo in sample_photos() if photo.key == key).load().pixels
    predicted = load("everyday_unet").predict(whole)
    left, top, right, bottom = box
    part = predicted.class_map[top:bottom, left:right].astype(np.uint8)
    class_map = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    colours = class_colours(predicted.labels)
    shown = [index for index, label in enumerate(predicted.labels) if label != BACKGROUND]
    picture = overlay(sample(key, box), class_map, colours, 0.6, np.isin(class_map, shown))
    for index in shown:
        pieces, _ = cv2.findContours((class_map == index).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, pieces, -1, tuple(map(int, colours[index])), 2, cv2.LINE_AA)
    return picture


def save(picture: np.ndarray, path: Path) -> None:
    """Write a WebP in the best quality, up to 82, that keeps it below `MAX_BYTES`."""
    for quality in range(82, 30, -4):
        Image.fromarray(picture).save(path, quality=quality, method=6)
        if path.stat().st_size < MAX_BYTES:
            break
    print(f"{path.name}: {path.stat().st_size} bytes, quality {quality}")


def main() -> None:
    """Make the seven pictures."""
    cat = sample("chelsea", (0, 10, 451, 292))
    part = (0, 225, 810, 731)
    # The network is convolutional up to its pooling: it takes the photo in its own shape, undistorted.
    file = WEIGHTS / "keras/models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
    network = keras.applications.MobileNetV2((224, 352, 3), weights=str(file), classifier_activation=None)
    pictures = (
        convolution(cat),
        layers(cat),
        feature_maps(cat, network),
        pretrained(cat, network),
        localization(sample("astronaut", (0, 0, 512, 320))),
        detection(sample("bus", part)),
        segmentation("bus", part),
    )
    for topic, picture in zip(TOPICS, pictures, strict=True):
        save(picture, ROOT / topic.picture)


if __name__ == "__main__":
    main()
