"""The experiments of page 4, and the networks that it sets beside each other."""

from cnn_demo.lessons import Experiment

LITE0, LITE1, TEN_CLASSES = SIDE_BY_SIDE = ("efficientnet_lite0", "efficientnet_lite1", "cifar10_cnn")

EXPERIMENTS = (
    Experiment(
        "A bus upside down",
        "Turned around, the bus gets another answer from every network: photos that networks learn from are mostly "
        "upright. Read off the lines how far you can turn it. Then choose Chelsea the cat: her fur and eyes look "
        "much the same from all sides, and she keeps her answers.",
        {"task": "Classify", "corruption": "rotation", "corrupt_rotation": 180, "models": list(SIDE_BY_SIDE)},
        photo="bus",
    ),
    Experiment(
        "A thousand classes, or ten",
        "EfficientNet-Lite0 knows espresso. The other network knows ten classes, none of which is a cup or a "
        "drink, and is nearly as sure of one of them: a probability compares the classes that a network knows.",
        {"task": "Classify", "models": [LITE0, TEN_CLASSES]},
        photo="coffee",
    ),
    Experiment(
        "Cap or tie?",
        "For “military uniform” the cap is brightest. Choose “Windsor tie” as the class: the bright place moves "
        "down to the tie.",
        {"task": "Why", "model": LITE0},
        photo="grace_hopper",
    ),
    Experiment(
        "From edges to ears",
        "These 32 maps of 112 × 112 numbers still look like the photo. Then choose “top_conv”, the last "
        "layer: 1,280 maps of 7 × 7, most of them zero but for a few places.",
        {"task": "Feature maps", "model": LITE0, "maps_layer": "stem_conv"},
        photo="chelsea",
    ),
    Experiment(
        "More often right, far smaller",
        "Sort by top-1: EfficientNet-Lite0 of 2020 is right more often than VGG16 of 2014, at 19 megabytes "
        "instead of 554.",
        {"task": "Models", "models_axis": "megabytes"},
    ),
)
