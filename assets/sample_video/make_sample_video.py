"""Render the sample video of page 6's tab "Video": a camera that pans over three sample photos, side by side.

    python assets/sample_video/make_sample_video.py

The photos are CC0 or in the public domain, and so is the video.
"""

import io
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cnn_demo.images import sample_photos
from cnn_demo.video.writer import VideoWriter

PHOTOS = ("astronaut", "grace_hopper", "chelsea")
WIDTH, HEIGHT = 640, 360
RATE, SECONDS = 15, 5
SWAY = 6  # pixels by which the camera moves up and down


def strip() -> np.ndarray:
    """Return the photos side by side, (H, W, 3) uint8, a little higher than a frame."""
    height = HEIGHT + 2 * SWAY
    samples = {sample.key: sample.load().pixels for sample in sample_photos()}
    photos = [samples[key] for key in PHOTOS]
    widths = [round(photo.shape[1] * height / photo.shape[0]) for photo in photos]
    sized = [cv2.resize(photo, (width, height)) for photo, width in zip(photos, widths, strict=True)]
    return np.hstack(sized)


def main() -> None:
    """Write the video beside this program."""
    photos = strip()
    file = io.BytesIO()
    with VideoWriter(file) as writer:
        for number in range(RATE * SECONDS):
            progress = number / (RATE * SECONDS - 1)
            left = (photos.shape[1] - WIDTH) * (1 - np.cos(np.pi * progress)) / 2  # slow at both ends
            top = SWAY * (1 + np.sin(2 * np.pi * 2 * progress))
            centre = (left + (WIDTH - 1) / 2, top + (HEIGHT - 1) / 2)
            writer.add(cv2.getRectSubPix(photos, (WIDTH, HEIGHT), centre), number / RATE, 1 / RATE)
    (Path(__file__).parent / "portraits.mp4").write_bytes(file.getvalue())


if __name__ == "__main__":
    main()
