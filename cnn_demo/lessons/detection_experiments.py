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
        "Evaluate",
        "Click **Add the predictions** and draw the objects it missed: each error is named by its kind. Move one of "
        "your boxes by half its width, and its prediction becomes a localization error. Then raise **Confidence "
        "threshold**: recall falls, and precision usually rises.",
        {"task": "Evaluate", "score_iou": 75},
        photo="bus",
    ),
)

WITHOUT_STREETS = Experiment(
    "A face",
    "This network has fifteen classes, from faces to playing cards, and was trained on few other objects. It finds her "
    "face; other objects may be mistaken for a card. Click a row of the table, and its box stands out.",
    {"task": "Detect", "detect_confidence": 20},
    photo="astronaut",
)
