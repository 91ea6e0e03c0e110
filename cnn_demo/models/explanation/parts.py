"""Parts that a layer tells apart: deep feature factorization, and the class that each part supports.

Collins, Achanta & Süsstrunk (2018), https://arxiv.org/abs/1806.10206.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cnn_demo.models import frameworks
from cnn_demo.models.explanation.cams import class_gradients
from cnn_demo.models.explanation.contrast import last_layer

if TYPE_CHECKING:
    from cnn_demo.models.classification.classifiers import Classifier

FEWEST, MOST = 2, 8  # parts
STEPS = 400  # at most, of the factorization
FITTED_SIDE = 28  # positions along each side that the channels of the parts are found from
CLASSES = 5  # most probable classes that parts of earlier layers are compared for


@dataclass(frozen=True, eq=False)
class Parts:
    """Feature maps as a sum of parts, the most active part first.

    Attributes:
        maps: (H, W, K) float32, strength of each part at each position, not negative.
        features: (K, C) float32, the channels of each part, not negative. Each has the sum 1, so that a strength is
            the sum of the part's activations at that position.
        explained: 1 − squared error / squared sum of the maps: 1 if the parts reconstruct them exactly.
    """

    maps: np.ndarray = field(repr=False)
    features: np.ndarray = field(repr=False)
    explained: float

    @property
    def count(self) -> int:
        """Number of parts, K."""
        return len(self.features)

    @property
    def fractions(self) -> np.ndarray:
        """Fraction of the activations in each part (K,); they sum to 1, or are 0 if there are none."""
        sums = self.maps.sum(axis=(0, 1), dtype=np.float64)
        return sums / (sums.sum() or 1.0)


def factorize(maps: np.ndarray, count: int) -> Parts:
    """Factorize feature maps into parts by non-negative matrix factorization; the same every time.

    Each position is a row of C activations, which is approximated by a sum of the parts' rows with weights. Negative
    activations count as 0. Large maps are fitted at some of their positions and then approximated at all.

    Args:
        maps: (H, W, C) feature maps.
        count: Number of parts, 1 to `MOST`. There are fewer if the maps have fewer positions or channels.

    Raises:
        ValueError: If there is no such number of parts.
    """
    frameworks.scikit_learn()
    from sklearn.decomposition import NMF

    if not 1 <= count <= MOST:
        raise ValueError(f"There are from 1 to {MOST} parts, not {count}.")
    height, width, channels = maps.shape
    rows = np.maximum(maps.reshape(-1, channels), 0).astype(np.float64)
    count = min(count, *rows.shape)
    if not rows.any():
        return Parts(np.zeros((height, width, count), np.float32), np.zeros((count, channels), np.float32), 1.0)
    scale = rows.max()
    model = NMF(count, init="nndsvda", solver="cd", max_iter=STEPS, tol=1e-3, random_state=0)
    step = -(-max(height, width) // FITTED_SIDE)
    if step == 1:
        weights = model.fit_transform(rows / scale) * scale  # (H · W, K)
    else:
        model.fit(rows.reshape(height, width, channels)[::step, ::step].reshape(-1, channels) / scale)
        weights = model.transform(rows / scale) * scale
    features = model.components_
    error = float(np.square(rows - weights @ features).sum() / np.square(rows).sum())
    sums = features.sum(axis=1)
    weights, features = weights * sums, features / np.where(sums > 0, sums, 1)[:, np.newaxis]
    order = np.argsort(-weights.sum(axis=0), kind="stable")
    return Parts(
        weights[:, order].reshape(height, width, count).astype(np.float32),
        features[order].astype(np.float32),
        1 - error,
    )


@dataclass(frozen=True, eq=False)
class PartEvidence:
    """Contribution of each part to the logits.

    Attributes:
        classes: (M,) indices of the classes that are compared.
        values: (K, M) contribution to their logits.
        exact: Whether they are exact and for all classes, as the logits are linear in the layer's maps; else they are
            of first order, by the gradient, for the most probable classes.
    """

    classes: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)
    exact: bool

    @property
    def relative(self) -> np.ndarray:
        """Contributions (K, M) minus their mean over the classes: whatever all logits have changes no probability."""
        return self.values - self.values.mean(axis=1, keepdims=True)

    @property
    def favourites(self) -> np.ndarray:
        """Index (K,) of the class whose logit each part raises most."""
        return self.classes[self.values.argmax(axis=1)]

    def of_class(self, index: int) -> np.ndarray:
        """Relative contribution of each part (K,) to one of the classes."""
        return self.relative[:, int(np.flatnonzero(self.classes == index)[0])]


def part_evidence(model: Classifier, seen: np.ndarray, layer: str, maps: np.ndarray, parts: Parts) -> PartEvidence:
    """Project the parts through the rest of the network.

    Args:
        model: A classifier.
        seen: (h, w, 3) uint8 input of the network's size, as returned by `model.prepare`.
        layer: The layer of the maps.
        maps: (H, W, C) feature maps of this layer.
        parts: Their parts.
    """
    logits = model.logits(seen[np.newaxis])[0]
    head = _head_of(model, maps, logits)
    if head is not None:
        means = parts.maps.mean(axis=(0, 1))  # (K,)
        return PartEvidence(np.arange(len(logits)), means[:, np.newaxis] * (parts.features @ head), exact=True)
    classes = np.argsort(-logits, kind="stable")[:CLASSES]
    values = [
        np.einsum("hwk,kc,hwc->k", parts.maps, parts.features, class_gradients(model, seen, int(index), layer)[1])
        for index in classes
    ]
    return PartEvidence(classes, np.stack(values, axis=1), exact=False)


def _head_of(model: Classifier, maps: np.ndarray, logits: np.ndarray) -> np.ndarray | None:
    """Return the weights (C, classes) of the last layer if it takes the means of these maps; else None."""
    layer = last_layer(model.network)
    if layer is None:
        return None
    with model.lock:
        kernel, *bias = layer.get_weights()
    kernel = kernel.reshape(-1, kernel.shape[-1])
    if kernel.shape != (maps.shape[-1], len(logits)):
        return None
    computed = maps.mean(axis=(0, 1)) @ kernel + (bias[0] if bias else 0)
    return kernel if np.allclose(computed, logits, rtol=1e-3, atol=1e-2) else None
