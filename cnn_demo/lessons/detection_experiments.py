"""The experiments of page 6."""

from cnn_demo.lessons import Experiment

EXPERIMENTS = (
    Experiment(
        "A street",
        "One pass finds the bus and the people in front of it. Click a row of the table, and its box stands out. Lower "
        "**Confidence threshold**: more half-hidden objects are found, and more false positives.",
        {"task": "Detect", "detect_confidence": 40},
        photo="bus",
        invites=("detect_confidence",),
        look_at=("detect_confidence",),
    ),
    Experiment(
        "Without NMS",
        "With an IoU threshold of 95% NMS is nearly off, and boxes of low confidence are shown: every object keeps "
        "many boxes. Drag **IoU threshold** down, and all but the most confident ones vanish.",
        {"task": "Detect", "detect_iou": 95, "detect_confidence": 10},
        photo="bus",
        invites=("detect_iou",),
        look_at=("detect_iou",),
    ),
    Experiment(
        "Who suppressed whom",
        "The most confident box is kept, and suppresses those of its class that overlap it; then the next one does. "
        "Drag **Step**.",
        {"task": "Non-maximum suppression", "nms_step": 1, "detect_confidence": 10},
        photo="bus",
        invites=("nms_step",),
        look_at=("nms_step",),
    ),
    Experiment(
        "Which cell predicted it?",
        "Tap the boxes: large objects are predicted by a coarse grid, smaller ones by a finer one, each by a cell "
        "inside its box.",
        {"task": "Cells and proposals", "detect_confidence": 40},
        photo="zidane",
    ),
    Experiment(
        "Where does a box end?",
        "One cell, marked in yellow, predicts this box; yet its left side depends most on pixels at that side, five "
        "cells away. Set **Explain its** to *Class score*: here, the pixels around the cell count most.",
        {"task": "Explain", "detector": "everyday_detector", "explain_part": "left"},
        photo="bus",
        invites=("explain_part",),
        look_at=("explain_part",),
    ),
    Experiment(
        "Two buses from one",
        "The photo is cut into four patches, none of which is where it was. Now two buses are found, one for each "
        "large part of it, since every cell of the grid predicts for itself. Set **Patches along each side** to 4: no "
        "bus is left.",
        {"task": "Cover it", "detector": "everyday_detector", "cover_change": "shape", "cover_patches": 2},
        photo="bus",
        invites=("cover_patches",),
        look_at=("cover_patches", "cover_boxes_now"),
    ),
    Experiment(
        "Someone at the border",
        "On the whole photo, resized to 320 pixels, the detector finds the bus and two people. Tiles add a person "
        "at the left border, in green. Now set **Tile size** to 240 px and switch off **Drop boxes that a tile cuts**: "
        "parts of the bus and of the people get boxes of their own, among them a bird and a cat.",
        {"task": "Tiles", "detector": "everyday_detector", "detect_confidence": 45},
        photo="bus",
        invites=("tiles_size", "tiles_drop_cut"),
        look_at=("tiles_size",),
    ),
    Experiment(
        "A person, or a face?",
        "One network detects a person; the other one, which has no such class, her face. Both boxes are red, because "
        "the other network has none of that class, and both are correct. Choose the photo of the motorcycle, "
        "a class of both: they agree.",
        {"task": "Compare", "detectors": ["everyday_detector", "assorted_yolo11n"], "detect_confidence": 55},
        photo="astronaut",
        invites=("photo",),
    ),
    Experiment(
        "Evaluate",
        "Click **Add the predictions** and draw the objects it missed: each error is named by its kind. Move one of "
        "your boxes by half its width, and its prediction becomes a localization error. Then raise **Confidence "
        "threshold**: recall falls, and precision usually rises.",
        {"task": "Evaluate", "score_iou": 75},
        photo="bus",
    ),
    Experiment(
        "Three objects, three IDs",
        "Click **Use the sample video**, then *Track objects*: the camera pans over two people and a cat. Each of them "
        "gets an ID, and keeps it until it has left the picture.",
        {"task": "Video", "detector": "everyday_detector"},
        look_at=("video_sample",),
    ),
    Experiment(
        "Fewer megabytes, higher precision",
        "Click the header *mAP50-95* to sort the table: YOLO11n of 2024 has 39.5%, with 6 megabytes; SSD300 of 2016 "
        "has 25.1%, with 143.",
        {"task": "Models"},
    ),
)

WITHOUT_STREETS = Experiment(
    "A face",
    "This network has fifteen classes, from faces to playing cards, and was trained on few other objects. It finds her "
    "face; other objects may be mistaken for a card. Click a row of the table, and its box stands out.",
    {"task": "Detect", "detect_confidence": 20},
    photo="astronaut",
)
