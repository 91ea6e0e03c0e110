"""The table of topics, which home, navigation and tests read."""

import pytest
from PIL import Image

from cnn_demo.project import ROOT
from cnn_demo.topics import TOPICS

each = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.title)


def test_seven_topics_in_their_order():
    assert [topic.title for topic in TOPICS] == [
        "Convolution",
        "Convolution and pooling layers",
        "Convolutional networks",
        "Pretrained CNNs in Keras",
        "Localization",
        "Object detection",
        "Segmentation",
    ]
    assert [topic.number for topic in TOPICS] == list(range(1, 8))
    assert len({topic.icon for topic in TOPICS}) == 7


@each
def test_the_page_is_named_after_its_title(topic):
    assert topic.page == f"pages/{topic.number}_{topic.title.replace(' ', '_')}.py"
    assert (ROOT / topic.page).is_file()


@each
def test_the_card_has_a_picture_with_alternative_text(topic):
    with Image.open(ROOT / topic.picture) as picture:
        picture.load()
        assert picture.format == "WEBP"
        assert min(picture.size) >= 160
    assert (ROOT / topic.picture).stat().st_size < 100_000
    assert len(topic.alt) > 20
    assert topic.alt.endswith(".")


@each
def test_the_summary_is_one_line(topic):
    assert topic.summary.endswith(".")
    assert "\n" not in topic.summary
    assert 30 < len(topic.summary) <= 110


def test_every_icon_is_one_that_streamlit_has():
    from streamlit.string_util import validate_material_icon

    for topic in TOPICS:
        assert validate_material_icon(topic.icon) == topic.icon
