"""Short videos: reading of uploads, object tracking, and annotated MP4 output.

A video is untrusted input like a photo: a file that is no video, has no frames or is too large is refused with a
one-sentence message, and only the first seconds are decoded.

* `formats` decides the format from the first bytes and checks the header of an MP4, `matroska` that of a WebM;
* `containers` opens the file and reads its header;
* `frames` decodes frames: upright, downscaled sRGB with their times; `interlacing` makes them of fields;
* `colour` converts a decoded frame to sRGB, `alpha` decodes the transparency of WebM;
* `tracking` detects and tracks objects, and `writer` encodes the annotated frames.
"""

from cnn_demo.video.containers import Video, open_video
from cnn_demo.video.formats import ACCEPTED, VideoError
from cnn_demo.video.frames import MAX_FRAMES, MAX_SECONDS, Frame, first_frame, frames_of
from cnn_demo.video.tracking import DETECTED_RATE, AnnotatedVideo, Progress, Tracks, annotate_video, draw_tracks

__all__ = [
    "ACCEPTED",
    "DETECTED_RATE",
    "MAX_FRAMES",
    "MAX_SECONDS",
    "AnnotatedVideo",
    "Frame",
    "Progress",
    "Tracks",
    "Video",
    "VideoError",
    "annotate_video",
    "draw_tracks",
    "first_frame",
    "frames_of",
    "open_video",
]

annotate_film, open_film = annotate_video, open_video  # former names
