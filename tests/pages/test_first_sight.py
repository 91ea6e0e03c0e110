"""The default views of pages 5, 6 and 7 without internet."""

import pytest
from driver import assert_fine, open_app

FIRST = {  # page and sample photo -> texts that are shown, and texts that are not
    ("pages/5_Localization.py", "chelsea"): (("### Cat, ",), ("dog",)),
    ("pages/5_Localization.py", "bus"): (("### Bus, ",), ()),
    ("pages/5_Localization.py", "flower"): (("### Nothing, ",), ()),
    ("pages/5_Localization.py", "rocket"): (("### Perhaps: cat, ",), ("### Cat",)),
    ("pages/6_Object_detection.py", "chelsea"): (("× cat",), ("× dog", "raccoon")),
    ("pages/6_Object_detection.py", "bus"): (("**1** × bus", "× person"), ("airplane",)),
    ("pages/6_Object_detection.py", "coffee"): (("### No objects.",), ()),
    ("pages/6_Object_detection.py", "astronaut"): (("× person",), ("bottle",)),
    ("pages/6_Object_detection.py", "flower"): (("### No objects.",), ()),
    ("pages/7_Segmentation.py", "bus"): (("** bus", "** person"), ("** cat",)),
    ("pages/7_Segmentation.py", "chelsea"): (("** cat",), ()),
}


@pytest.fixture(autouse=True)
def _bundled_networks_alone(monkeypatch, tmp_path):
    for variable in ("CNN_DEMO_WEIGHTS", "KERAS_HOME", "TORCH_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("CNN_DEMO_DOWNLOADS", raising=False)


@pytest.mark.parametrize(("page", "photo"), FIRST, ids=lambda value: value)
def test_the_first_prediction_makes_sense(page, photo):
    app = open_app(page, link={"photo": photo})
    assert_fine(app)
    heading = next(part.value for part in app.markdown if part.value.startswith("### "))
    read, not_read = FIRST[page, photo]
    assert all(words in heading for words in read), heading
    assert not any(words in heading for words in not_read), heading


@pytest.mark.parametrize(
    ("page", "title"), [("pages/6_Object_detection.py", "YOLO11n"), ("pages/7_Segmentation.py", "DeepLabV3")]
)
def test_a_better_network_is_named_where_it_can_be_downloaded(page, title, monkeypatch):
    sentence = f"small bundled network; the tab *Models* downloads {title}"
    assert sentence in captions(open_app(page))
    monkeypatch.setenv("CNN_DEMO_DOWNLOADS", "off")
    assert sentence not in captions(open_app(page))


def captions(app) -> str:
    assert_fine(app)
    return "\n".join(part.value for part in app.caption)
