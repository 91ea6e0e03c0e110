"""The experiments of page 5."""

from cnn_demo.lessons import Experiment

EXPERIMENTS = (
    Experiment(
        "A cat, and a box on it",
        "Two heads, one pass: the class head predicts “cat”, the box head predicts where. Below, see which "
        "locations of the photo weigh most for the box.",
        {"task": "Localize"},
        photo="chelsea",
    ),
    Experiment(
        "Two heads, two reasons",
        "The class “person” depends most on the face, the box more on the middle of the suit. The text "
        "below compares the two maps. Change **Part of the box to explain**: each side has a map of its own.",
        {"task": "Explain"},
        photo="astronaut",
        invites=("explain_part",),
        look_at=("explain_part",),
    ),
    Experiment(
        "None of the twenty",
        "A flower is none of its twenty classes. The box head predicts a box all the same, below in amber; but the "
        "class head predicts “nothing”, and so the box is not shown on the photo.",
        {"task": "Localize"},
        photo="flower",
    ),
    Experiment(
        "When IoU is blind",
        "The boxes do not overlap. Drag one: IoU stays 0 until they do, while GIoU and DIoU rise as they come "
        "nearer. That is why networks are trained with those.",
        {"task": "Two boxes", "boxes_begin": "apart"},
    ),
    Experiment(
        "A box from the class head",
        "The class activation map needs no boxes in training. Drag **Threshold**: low, its box covers most of the "
        "photo; high, only the most discriminative part is left. Compare with the box head, which was trained with "
        "boxes.",
        {"task": "Without a box head", "cam_cut": 60},
        photo="astronaut",
        invites=("cam_cut",),
        look_at=("cam_cut",),
    ),
    Experiment(
        "The loss of the box alone",
        "The weight of the class is 0, so the whole loss comes from the box: drag **Weight of smooth L1** and "
        "**Weight of 1 − GIoU**, and see how large the loss is by either measure. Then draw a box of your own.",
        {"task": "Draw the ground truth", "weight_class": 0.0},
        photo="astronaut",
        look_at=("truth_loss",),
    ),
    Experiment(
        "A cat in pieces, and its box",
        "The photo is cut into 16 patches, none of which is where it was. The class head still predicts “cat”, with "
        "99%; but the box is a different one, with an IoU of only 0.48 with the first. Set **Patches along each side** "
        "to 8, and the class is lost, too.",
        {"task": "Cover it", "localizer": "everyday_localizer", "cover_change": "shape", "cover_patches": 4},
        photo="chelsea",
        invites=("cover_patches",),
        look_at=("cover_patches", "cover_box_now"),
    ),
    Experiment(
        "A box finds the face",
        "Drag the bar: the box settles on the astronaut’s face. For the photos that show none of the three classes, "
        "the network learns to predict “nothing”, and their boxes turn grey; but it never learns that the admiral’s "
        "cap is no airplane.",
        {"task": "Training"},
        look_at=("localizer_book",),
    ),
)
