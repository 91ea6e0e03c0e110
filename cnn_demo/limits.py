"""Maximum sizes of uploads in MB (2^20 bytes): one table for the uploaders, the readers and the server.

The server refuses larger requests itself, with an error instead of a sentence. So `server.maxUploadSize` in
`.streamlit/config.toml` is the largest of these limits, `SERVER_MB`; a test compares them.
"""

PHOTO_MB = 20
VIDEO_MB = 120
"""Ten seconds of a phone's video have 20 to 100 MB."""
ARCHIVE_MB = 120
"""A zip of photos; a phone's photo has about 5 MB."""
HEAD_MB = 1
"""Trained heads of page 4."""

SERVER_MB = max(PHOTO_MB, VIDEO_MB, ARCHIVE_MB, HEAD_MB)
