"""What page 3 teaches: every experiment can be set up, every answer holds for any photo, with the network's numbers."""

import re

import numpy as np

from cnn_demo.images import sample_photos
from cnn_demo.lessons.networks import MISCONCEPTIONS
from cnn_demo.models import load

DRAW = np.random.default_rng(8)
PHOTOS = {
    "random": DRAW.random((48, 64, 3), dtype=np.float32),
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "black": np.zeros((40, 500, 3), np.float32),
    "cat": sample_photos()[0].load().pixels.astype(np.float32) / 255,
}


def test_the_answers_begin_with_the_networks_own():
    label, probability = load("cifar10_cnn").predict((PHOTOS["cat"] * 255).round().astype(np.uint8)).top(1)[0]
    for item in MISCONCEPTIONS:
        text = item.answer(PHOTOS["cat"]).text
        if "random networks" in text:
            continue
        assert f"“{label}”" in text
        if "channels" not in text:
            assert f"{probability:.0%}" in text


def test_silencing_channels_is_counted_right():
    model = load("cifar10_cnn")
    text = next(m for m in MISCONCEPTIONS if "neuron" in m.claim).answer(PHOTOS["cat"]).text
    count = 1 if "one alone has" in text else int(re.search(r"The (\d+) strongest have", text).group(1))
    run = model.activations((PHOTOS["cat"] * 255).round().astype(np.uint8))
    kernel, bias = model.layers[-1].kernel, model.layers[-1].bias
    best = int(run.maps["logits"].argmax())
    order = np.argsort(-(run.maps["pool"] * (kernel[:, best] - kernel.mean(axis=1))))
    for silent, same in ((count - 1, True), (count, False)):
        kept = run.maps["pool"].copy()
        kept[order[:silent]] = 0
        assert ((kept @ kernel + bias).argmax() == best) is np.bool_(same) or count == len(order)
