"""The experiments of page 3."""

from cnn_demo.lessons import Experiment

EXPERIMENTS = (
    Experiment(
        "From stripes to a cat",
        "The strongest maps of the stem, shown first, still look like the photo. Click through the blocks from left to "
        "right: maps become small and sparse, until one average of each map is left, from which the classes are "
        "predicted.",
        {"view": "Activations", "unit_layer": "stem_relu"},
        photo="chelsea",
        invites=("unit_layer",),
    ),
    Experiment(
        "Deep, yet short-sighted",
        "Twelve layers have a receptive field of 25 × 25 pixels, but most of the influence comes from its middle. Drag "
        "**Layers**: the receptive field grows in proportion to the depth, the effective one, which has half of the "
        "influence, only with its square root.",
        {"view": "Receptive fields", "field_depth": 12, "field_weights": "All equal"},
        invites=("field_depth",),
        look_at=("field_depth",),
    ),
    Experiment(
        "Larger photo, same weights",
        "The input is now 64 × 64. The dense layer needs 805 million weights for it, 16 times as many as for 32 × 32; "
        "the convolution needs as many as before. Drag **Image size**.",
        {"view": "Weight sharing", "share_side": 64},
        invites=("share_side",),
        look_at=("share_side",),
    ),
    Experiment(
        "What activates a channel",
        "Choose another **Layer**: early channels respond to colours and edges at any position, later ones to larger "
        "patterns.",
        {"view": "Features", "feature_layer": "block4_relu"},
        invites=("feature_layer",),
        look_at=("feature_layer",),
    ),
    Experiment(
        "Half of it in two epochs",
        "Drag the bar from the left: after 2 of 129 epochs the network has half of its final accuracy, after 23 epochs "
        "95% of it. All kernels have one colour scale here: those that stay grey have little effect.",
        {"view": "Training", "play_scale": "one"},
        look_at=("play_book",),
    ),
    Experiment(
        "Steps that are too large",
        "Click **Train**: with a learning rate of 0.1, the accuracy on the held-out digits jumps up and down between "
        "80% and 90%. Set **Learning rate** to 0.003 and train again: it rises to about 98% and stays there.",
        {"view": "Train your own", "live_rate": 0.1},
        invites=("live_rate",),
        look_at=("live_start",),
    ),
    Experiment(
        "Without ten channels",
        "The ten channels of the last block that contribute most are off: “automobile” falls from 64% to 4%, and "
        "“truck” is predicted, with 91%. Now choose Chelsea the cat: without her ten, the network still predicts a "
        "cat, because many more channels respond to her.",
        {"view": "Switch channels off", "channels_off_layer": "block5_relu"},
        photo="bus",
        invites=("photo",),
        look_at=("channels_off_scale",),
    ),
    Experiment(
        "None of the ten",
        "A cup of coffee is none of the ten classes, and still one of them is predicted with a high probability: the "
        "softmax has no other choice.",
        {"view": "Confidence"},
        photo="coffee",
    ),
)
