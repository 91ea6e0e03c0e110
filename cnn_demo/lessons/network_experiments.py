"""The experiments of page 3."""

from cnn_demo.lessons import Experiment

EXPERIMENTS = (
    Experiment(
        "From stripes to a cat",
        "The maps of the first block still look like the photo. Click through the blocks from left to right: maps get "
        "small and few answer at all, until the average of each is all that is left to vote for an answer.",
        {"view": "Walk through", "unit_layer": "block1_relu"},
        photo="chelsea",
    ),
    Experiment(
        "Deep, yet short-sighted",
        "Twelve layers see a square of 25 pixels, but most of the influence comes from its middle. Drag **Depth**: the "
        "field grows with every layer, the half that counts only with the square root.",
        {"view": "Receptive fields", "field_depth": 12, "field_weights": "All equal"},
    ),
    Experiment(
        "Not one number more",
        "The map is now 64 × 64. The dense layer needs millions of weights for it, the convolution as many as before.",
        {"view": "Shared weights", "share_side": 64},
    ),
    Experiment(
        "What excites a channel",
        "Choose other layers: early channels answer colours and edges wherever they are, later ones larger patterns.",
        {"view": "Features", "feature_layer": "block4_relu"},
    ),
    Experiment(
        "None of the ten",
        "A cup of coffee is none of the ten classes, and still gets a name and a probability: the softmax has nothing "
        "else to give.",
        {"view": "Confidence"},
        photo="coffee",
    ),
)
