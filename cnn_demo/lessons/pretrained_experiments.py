"""Experiments of page 4, and the networks that it compares by default."""

from cnn_demo.lessons import Experiment

LITE0, LITE1, TEN_CLASSES = SIDE_BY_SIDE = ("efficientnet_lite0", "efficientnet_lite1", "cifar10_cnn")

EXPERIMENTS = (
    Experiment(
        "A bus upside down",
        "Upside down, the bus gets another prediction from every network, because training photos are mostly upright. "
        "The lines show how far you can rotate it. Then choose Chelsea the cat: her fur and eyes look similar from all "
        "sides, and both EfficientNets predict “Egyptian cat” at every angle; the CIFAR-10 network loses her between "
        "45° and 165°.",
        {"task": "Classify", "corruption": "rotation", "corrupt_rotation": 180, "models": list(SIDE_BY_SIDE)},
        photo="bus",
        invites=(
            "corrupt_rotation",
            "photo",
        ),
        look_at=("corrupt_rotation", "threefold_corrupted"),
    ),
    Experiment(
        "A thousand classes, or ten",
        "EfficientNet-Lite0 predicts espresso. The other network has ten classes, none of which is a cup or a drink, "
        "and is nearly as confident of one of them: a probability compares only the classes that a network has.",
        {"task": "Classify", "models": [LITE0, TEN_CLASSES]},
        photo="coffee",
    ),
    Experiment(
        "Cap or tie?",
        "For “military uniform” the cap is brightest. Choose “Windsor tie” as the **Class**: the bright region moves "
        "down to collar and tie.",
        {"task": "Explain", "model": LITE0, "why_methods": ["grad_cam"]},
        photo="grace_hopper",
    ),
    Experiment(
        "Uniform or mortarboard?",
        "Both maps are brightest on the cap: most evidence is shared. Their difference is reddest, for “military "
        "uniform”, at the top of the cap. Further down, a small grey square right there makes “mortarboard” the "
        "prediction.",
        {"task": "Compare classes", "model": LITE0},
        photo="grace_hopper",
        look_at=("contrast_patch",),
    ),
    Experiment(
        "An espresso without coffee",
        "A box covers the coffee, and inpainting continues the cup over it. The prediction is still “espresso”, 82% "
        "instead of 94%: cup and saucer are enough. Set **Cover it with** to Grey, and it falls to 53%.",
        {
            "task": "Cover it",
            "cover_models": [LITE0],
            "cover_fill": "inpaint",
            "cover_boxes": "673078d1_b0.1000.920.2750.1950",  # of this photo only, as its tag says
        },
        photo="coffee",
        invites=("cover_fill", "cover_boxes"),
    ),
    Experiment(
        "A cat in pieces",
        "The photo is cut into 16 patches, and none is where it was: “Egyptian cat” rises from 37% to 88%. The network "
        "recognizes fur and eyes, and hardly needs their order. Set **Patches along each side** to 8, and it predicts "
        "“fur coat”.",
        {"task": "Cover it", "cover_models": [LITE0], "cover_change": "shape", "cover_patches": 4},
        photo="chelsea",
        invites=("cover_patches",),
    ),
    Experiment(
        "Cat or toaster?",
        "Noise of at most 2 of 255 levels, which you cannot see, makes the cat a “toaster”; random noise of that size "
        "changes nothing. Then set **Noise** to “Whole budget”: the network is now almost certain, but a JPEG of "
        "quality 50 brings the cat back.",
        {"task": "Fool it", "model": LITE0, "fool_class": "toaster"},
        photo="chelsea",
        invites=("fool_noise",),
    ),
    Experiment(
        "From edges to ears",
        "These 32 maps of 112 × 112 activations still look like the photo. Then choose the last **Layer**, “top_conv”: "
        "1,280 maps of 7 × 7, most of them zero except at a few positions.",
        {"task": "Feature maps", "model": LITE0, "maps_layer": "stem_conv"},
        photo="chelsea",
        invites=("maps_layer",),
    ),
    Experiment(
        "Roof, storeys, water",
        "Nobody has named these parts; they follow from the activations alone. The roof and the storeys support "
        "“palace”, the water supports “lakeside”, and the trees with the lowest storey “monastery”. Click a part to "
        "see it alone.",
        {"task": "Parts", "model": LITE0},
        photo="china",
        invites=("parts_shown",),
        look_at=("parts_tiles",),
    ),
    Experiment(
        "Pretrained or random?",
        "Click **Use the sample set**, then **Train**. On the pretrained network, the new head classifies all held-out "
        "photos correctly; on the same network with random weights two thirds of them, though it has learned all "
        "training photos.",
        {"task": "Transfer learning", "model": LITE0},
        look_at=("teach_sample",),
    ),
    Experiment(
        "Ten channels of 1,280",
        "The ten channels of the last layer that contribute most are off: “minibus” falls from 68% to 21%, and “police "
        "van” is ahead. Drag the slider to 2: doubled, they bring it to 92%. Back at 0, write 0-9 as the **Chosen "
        "channels**: without those ten, “minibus” keeps 67%.",
        {"task": "Switch channels off", "model": LITE0, "off_layer": "top_conv"},
        photo="bus",
        invites=("off_scale", "off_channels"),
        look_at=("off_scale",),
    ),
    Experiment(
        "More accurate, far smaller",
        "Sort by top-1: EfficientNet-Lite0 of 2020 is more accurate than VGG16 of 2014, at 19 megabytes instead of "
        "554.",
        {"task": "Models", "models_axis": "megabytes"},
    ),
)
