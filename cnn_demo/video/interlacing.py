"""Deinterlacing: frames that are made of two fields, taken one after the other, become frames of one moment."""

from __future__ import annotations

import contextlib
from collections import deque

import av
from av.filter import Graph


class Deinterlacer:
    """FFmpeg's filter yadif, as players apply it; frames that are not interlaced pass unchanged.

    It compares each frame with its neighbours: `receive` returns a frame when the next one is there.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._size: tuple[int, int, str] | None = None
        self._waiting: deque[av.VideoFrame] = deque()
        self._is_off = False

    def receive(self, frame: av.VideoFrame) -> list[av.VideoFrame]:
        """Take a frame, and return those that are finished."""
        if self._is_off or (self._graph is None and not frame.interlaced_frame):
            return [frame]
        size = (frame.width, frame.height, frame.format.name)
        is_new = size != self._size
        finished = self.flush() if is_new else []
        self._waiting.append(frame)
        try:
            if is_new:
                self._open(frame)
                self._size = size
            assert self._graph is not None
            self._graph.vpush(frame)
            return finished + self._pulled()
        except Exception:  # FFmpeg has many error types, and not every pixel format has a filter
            self._is_off, self._graph = True, None
            return finished + list(self._waiting)

    def flush(self) -> list[av.VideoFrame]:
        """Return the last frames."""
        if self._graph is None:
            return []
        with contextlib.suppress(Exception):
            self._graph.vpush(None)
        finished = [*self._pulled(), *self._waiting]
        self._graph, self._size = None, None
        self._waiting.clear()
        return finished

    def _open(self, frame: av.VideoFrame) -> None:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        yadif, sink = graph.add("yadif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
        source.link_to(yadif)
        yadif.link_to(sink)
        graph.configure()
        self._graph = graph

    def _pulled(self) -> list[av.VideoFrame]:
        finished = []
        while self._waiting and self._graph is not None:
            try:
                frame = self._graph.vpull()
            except Exception:  # also if it needs more frames
                break
            original = self._waiting.popleft()
            frame.time_base, frame.pts, frame.duration = original.time_base, original.pts, original.duration
            finished.append(frame)
        return finished
