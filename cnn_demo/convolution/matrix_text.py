"""A kernel as a line of text, rows divided by semicolons: short enough for a link, and pasted from anywhere."""

import re

import numpy as np

MAX_SIDE = 15
MAX_WEIGHT = 1e6


def format_matrix(weights: np.ndarray) -> str:
    """Write (kh, kw) weights as text, for instance "-1 0 1; -2 0 2; -1 0 1", with six significant digits."""
    return "; ".join(" ".join(f"{value:.6g}" for value in row) for row in np.asarray(weights, np.float64) + 0.0)


def parse_matrix(text: str) -> np.ndarray:
    """Read a matrix as people write them: rows on lines, divided by semicolons, or in Python's brackets.

    Returns:
        (kh, kw) float32, each side 1 to 15.

    Raises:
        ValueError: If the text is not such a matrix; the message is one sentence.
    """
    text = text.replace("−", "-")  # the minus sign that the app writes
    rows = [re.sub(r"[\[\](),]", " ", row).split() for row in re.split(r"[;\n]|\]\s*,", text)]
    rows = [row for row in rows if row]
    try:
        values = [[float(cell) for cell in row] for row in rows]
    except ValueError:
        raise ValueError("Write numbers only, with a point for decimals, such as “-1 0 1; -2 0 2; -1 0 1”.") from None
    if not values:
        raise ValueError("Please write at least one number, such as “1”.")
    if len({len(row) for row in values}) > 1:
        raise ValueError("Please give every row the same number of values, and divide rows by semicolons.")
    weights = np.array(values, np.float64)
    if max(weights.shape) > MAX_SIDE:
        raise ValueError(f"Please keep the matrix to at most {MAX_SIDE} × {MAX_SIDE} values.")
    if not np.isfinite(weights).all() or np.abs(weights).max() > MAX_WEIGHT:
        raise ValueError("Please keep every value between minus and plus one million.")
    return weights.astype(np.float32)


def normalize(weights: np.ndarray) -> np.ndarray:
    """Scale the weights to a sum of one; if they sum to zero, their magnitudes to a sum of one. Zeros stay zeros."""
    total, magnitude = float(weights.sum()), float(np.abs(weights).sum())
    if abs(total) > 1e-6 * magnitude:
        return (weights / total).astype(np.float32)
    return (weights / magnitude).astype(np.float32) if magnitude else weights


def resized(weights: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut or fill with zeros to (kh, kw), keeping the middle in the middle."""
    result = np.zeros(size, np.float32)
    spans = []
    for old, new in zip(weights.shape, size, strict=True):
        shared = min(old, new)
        before = (new - 1) // 2 - (old - 1) // 2
        spans.append((slice(max(0, before), max(0, before) + shared), slice(max(0, -before), max(0, -before) + shared)))
    (to_rows, from_rows), (to_columns, from_columns) = spans
    result[to_rows, to_columns] = weights[from_rows, from_columns]
    return result
