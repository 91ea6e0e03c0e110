"""Transparency of WebM: VP8 and VP9 keep it as a second, grey video beside each packet."""

from __future__ import annotations

from typing import Any, Final

import av
import numpy as np

from cnn_demo.video.containers import MAX_PIXELS

_SIDE_DATA: Final = "matroska_block_additional"
_ID_BYTES = 8  # before the content: the kind of addition, 1 for transparency
MAX_WAITING = 64  # planes that no frame has fetched


class AlphaPlanes:
    """Decoder of the transparency that comes with the packets of a video stream."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._codec = stream.codec_context.name
        self._decoder: Any = None
        self._planes: dict[int | None, np.ndarray] = {}

    def receive(self, packet: av.Packet) -> None:
        """Decode a packet's transparency, if it has one; a damaged one is ignored."""
        if self._codec not in ("vp8", "vp9") or not packet.has_sidedata(_SIDE_DATA):
            return
        content = bytes(packet.get_sidedata(_SIDE_DATA))
        if int.from_bytes(content[:_ID_BYTES], "big") != 1:
            return
        if self._decoder is None:
            self._decoder = av.CodecContext.create(self._codec, "r")
            self._decoder.options = {"max_pixels": str(MAX_PIXELS)}
            self._decoder.thread_type = "NONE"
        grey = av.Packet(content[_ID_BYTES:])
        grey.pts, grey.dts, grey.time_base = packet.pts, packet.dts, packet.time_base
        try:
            frames = self._decoder.decode(grey)
        except Exception:  # FFmpeg has many error types
            return
        for frame in frames:
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)
            self._planes[frame.pts] = rows[:, : frame.width].copy()
        while len(self._planes) > MAX_WAITING:
            self._planes.pop(next(iter(self._planes)))

    def take(self, pts: int | None) -> np.ndarray | None:
        """Return the opacity of the frame with this timestamp, (H, W) uint8; None if it has none."""
        return self._planes.pop(pts, None)
