"""Page 6, tiles: the times of the photo and of its tiles, and the merged boxes as a table."""

from __future__ import annotations

import streamlit as st

from cnn_demo.exports.full_size import file_size
from cnn_demo.images import Photo
from cnn_demo.machine import on_device
from cnn_demo.models.detection.tiled import Merged, TiledBoxes
from cnn_demo.results import duration


def tiles_of_count(count: int) -> str:
    """Return the number of tiles in words, such as "1 tile"."""
    return f"{count} tile{'' if count == 1 else 's'}"


def show_times(photo: Photo, found: TiledBoxes, used: int) -> None:
    """Show the times of the whole photo and of its tiles.

    Args:
        photo: The photo.
        found: The boxes of the photo and of its tiles.
        used: Size of a tile, in pixels of the file.
    """
    height, width = file_size(photo)
    where = on_device(found.device, found.engine)
    title = f"{tiles_of_count(len(found.tiles))} of {used} px"
    grid = st.grid(3, min_column_width=120)
    grid.metric("Whole photo", duration(found.whole_milliseconds), border=True)
    grid.metric(title, duration(found.tiles_milliseconds), border=True)
    grid.metric("Times as long", f"{found.tiles_milliseconds / max(found.whole_milliseconds, 0.1):.0f} ×", border=True)
    st.caption(f"The file has {width:,} × {height:,} pixels. Each run is timed {where}.")


def show_merged(merged: Merged) -> None:
    """List the merged boxes with the boxes that went into each."""
    if not len(merged.leaders):
        return
    members = [merged.leader == k for k in merged.leaders]
    width = merged.merged_xyxy[:, 2] - merged.merged_xyxy[:, 0]
    height = merged.merged_xyxy[:, 3] - merged.merged_xyxy[:, 1]
    st.dataframe(
        {
            "Class": [merged.labels[merged.class_ids[k]] for k in merged.leaders],
            "Confidence": [100 * float(merged.scores[k]) for k in merged.leaders],
            "Found": [
                "only in tiles" if tiles_only else "only on the photo" if whole_only else "both"
                for tiles_only, whole_only in zip(merged.only_in_tiles, merged.only_in_whole, strict=True)
            ],
            "Boxes": [int(group.sum()) for group in members],
            "Width": width.round().astype(int),
            "Height": height.round().astype(int),
        },
        key="tiles_groups",
        hide_index=True,
        height=min(35 * (len(members) + 1) + 3, 280),
        alt="All merged boxes: class, confidence, where they were found, and how many boxes were merged.",
        column_config={
            "Confidence": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.0f%%"),
            "Boxes": st.column_config.NumberColumn(help="How many boxes were merged into one."),
            "Width": st.column_config.NumberColumn(format="%d px", help="In pixels of the photo's file."),
            "Height": st.column_config.NumberColumn(format="%d px", help="In pixels of the photo's file."),
        },
    )
