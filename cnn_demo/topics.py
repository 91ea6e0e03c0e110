"""The seven topics of the demonstration: home, navigation and tests read this one table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One page of the app.

    Attributes:
        number: Number of the page, from 1.
        title: Heading of the page and label of its link.
        short: Label in the navigation, one word.
        icon: Material icon in Streamlit's notation.
        summary: One line on what visitors do there.
        page: Path of the page's script, relative to the project's root.
        picture: Path of the card's picture, relative to the project's root.
        alt: Text alternative for the picture.
        photo: Key of the sample photo that it opens with.
    """

    number: int
    title: str
    short: str
    icon: str
    summary: str
    page: str
    picture: str
    alt: str
    photo: str


def _topic(number: int, title: str, short: str, icon: str, summary: str, alt: str, photo: str = "chelsea") -> Topic:
    name = title.replace(" ", "_")
    return Topic(
        number=number,
        title=title,
        short=short,
        icon=f":material/{icon}:",
        summary=summary,
        page=f"pages/{number}_{name}.py",
        picture=f"assets/cards/{number}.webp",
        alt=alt,
        photo=photo,
    )


TOPICS: tuple[Topic, ...] = (
    _topic(
        1,
        "Convolution",
        "Convolution",
        "grid_on",
        "Drag a kernel's sliders, see the photo change, and select any pixel to see its arithmetic.",
        "A cat's photo; right of a slanted line, the response of a Sobel kernel in red and blue.",
    ),
    _topic(
        2,
        "Convolution and pooling layers",
        "Layers",
        "layers",
        "Stack layers on your photo, watch feature maps shrink, and measure the invariance that pooling adds.",
        "Four feature maps of a cat's photo, each half the size of the one before.",
    ),
    _topic(
        3,
        "Convolutional networks",
        "Networks",
        "account_tree",
        "Walk through every activation of a trained CNN: receptive fields, shared weights, features.",
        "A grid of 24 feature maps that an early layer of MobileNetV2 computed from a cat's photo.",
    ),
    _topic(
        4,
        "Pretrained CNNs in Keras",
        "Classifiers",
        "image_search",
        "Classify your photo, explain the prediction, and fine-tune a network on classes of your own.",
        "A cat's photo under a heatmap of the regions that make the network predict “Egyptian cat”.",
    ),
    _topic(
        5,
        "Localization",
        "Localization",
        "center_focus_strong",
        "One object: predict its class and its box, draw the ground truth, and see IoU and loss.",
        "An astronaut's photo with one box around her face, labelled “face”.",
    ),
    _topic(
        6,
        "Object detection",
        "Detection",
        "select_all",
        "Many objects of many classes: candidate boxes, confidence threshold and non-maximum suppression.",
        "A street with a bus and four people, each in a labelled box.",
        photo="bus",
    ),
    _topic(
        7,
        "Segmentation",
        "Segmentation",
        "texture",
        "Label every pixel and every instance; see where the network is unsure.",
        "A street with a bus and four people, each painted in a colour of its own.",
        photo="bus",
    ),
)
