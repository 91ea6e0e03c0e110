"""Train the localizer's two heads on the feature maps of a pretrained classifier, whose own weights stay frozen.

`python -m training.localizer --backbone mobilenet_v2 --data FOLDER --out FOLDER` runs the backbone once over augmented
pictures and keeps its feature maps; the heads then learn from those in seconds an epoch. The result is the heads
alone. The backbone's weights are looked for where the app looks for them, in CNN_DEMO_WEIGHTS for one.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from cnn_demo.models import frameworks, load_classifier
from cnn_demo.models.bundled_networks import last_maps, localizer_on
from cnn_demo.models.engines import forward
from training.data.datasets import BoxedPhoto, read_backgrounds, read_caltech3, read_distractors
from training.data.placement import Backgrounds
from training.networks.localizer import Heads, to_keras
from training.steps.localizer import (
    balanced,
    draw_batch,
    measure,
    optimization,
    printed,
    training_step,
    validation_sets,
)

keras = frameworks.keras()
torch = frameworks.torch()

COPIES = 3  # augmented copies of every photo, at other positions and sizes
EPOCHS, BATCH = 24, 64


def train_heads(options: argparse.Namespace) -> None:
    """Train on kept feature maps, and write the heads' weights and `history.json`."""
    torch.manual_seed(options.seed)
    classifier = load_classifier(options.backbone)
    side = classifier.spec.input_size[0]
    photos, held_out = read_caltech3(options.data)
    backgrounds, other_backgrounds = read_backgrounds(options.data)
    scenery = Backgrounds(backgrounds, read_distractors(options.data), side)
    heads = localizer_on(classifier.network)[1]
    trunk = keras.Model(classifier.network.input, last_maps(classifier.network))
    run = forward(trunk, classifier.device)

    def maps_of(pictures: np.ndarray) -> np.ndarray:
        batches = np.array_split(pictures, -(-len(pictures) // BATCH))
        return np.concatenate([run(classifier.scaled(batch)).astype(np.float16) for batch in batches])

    rng = np.random.default_rng(options.seed)
    indices = np.concatenate([balanced(photos, rng) for _ in range(COPIES)])
    if options.steps:
        indices = indices[: options.steps * BATCH]
    start = time.time()
    kept = []
    for i in range(0, len(indices), BATCH):
        kept.append(draw_kept(indices[i : i + BATCH], photos, scenery, rng, maps_of))
        if len(kept) % 10 == 0:
            print(f"{i + BATCH:,} of {len(indices):,} pictures in {time.time() - start:.0f} s", flush=True)
    maps, labels, boxes = (np.concatenate(part) for part in zip(*kept, strict=True))
    tests = validation_sets(held_out, other_backgrounds, side, maps_of)
    print(f"{len(maps):,} pictures through {options.backbone} in {time.time() - start:.0f} s", flush=True)
    trained = Heads(maps.shape[-1])
    history = fit(trained, maps, labels, boxes, tests, rng)
    to_keras(trained, heads)
    options.out.mkdir(parents=True, exist_ok=True)
    heads.save_weights(options.out / f"caltech_localizer_{options.backbone}.weights.h5")
    (options.out / "history.json").write_text(json.dumps(history, indent=1))
    print(f"Wrote {options.out}: {heads.count_params():,} parameters in the heads.")


def draw_kept(
    indices: np.ndarray,
    photos: list[BoxedPhoto],
    scenery: Backgrounds,
    rng: np.random.Generator,
    maps_of: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw pictures and return (feature maps, labels, boxes): the pictures themselves are let go."""
    pictures, labels, boxes = draw_batch(indices, photos, scenery, rng)
    return maps_of(pictures), labels, boxes


def fit(
    heads: Heads, maps: np.ndarray, labels: np.ndarray, boxes: np.ndarray, tests: dict, rng: np.random.Generator
) -> list[dict]:
    """Train the heads on feature maps (N, h, w, C) float16 and return the metrics after each epoch."""
    batch = min(BATCH, len(maps))
    optimizer, schedule = optimization(heads, EPOCHS * (len(maps) // batch))
    step = training_step(heads, optimizer, schedule, "cpu", bfloat16=False)
    history = []
    for epoch in range(EPOCHS):
        order = rng.permutation(len(maps))[: len(maps) // batch * batch].reshape(-1, batch)
        losses = [step(maps[some], labels[some], boxes[some]) for some in order]
        means = {name: float(np.mean([part[name] for part in losses])) for name in losses[0]}
        history.append(means | measure(heads, tests))
        print(epoch + 1, printed(history[-1]), flush=True)
    return history
