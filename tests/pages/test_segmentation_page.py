"""Page 7: its views with fake segmenters; the page agrees with their predictions."""

import base64
import io
from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import SMALL, assert_fine, component, fire, written
from PIL import Image
from planted_masks import BORDER, FEW, MANY, PERSONS, SCORES, SIZE, bus, person, planted_map
from streamlit.testing.v1 import AppTest

from cnn_demo.images import Photo
from cnn_demo.models import find, list_models, load
from cnn_demo.results import percent
from cnn_demo.ui.segmentation.confidence import probabilities_at

pytestmark = pytest.mark.usefixtures("segmenters")
KEY = "lraspp_mobilenet_v3_large"
VIEWS = ("Segment", "Confidence", "Semantic or instance")
STREET = Photo(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8), "street.jpg", "digest-street")
PANORAMA = Photo(np.zeros((40, 900, 3), np.uint8), "panorama.jpg", "digest-panorama")


def open_view(view: str, photo: Photo = STREET, network: str = FEW, link: dict | None = None) -> AppTest:
    given = {"segmenter": network, "instance_segmenter": "YOLO11n-seg"} | (link or {})
    return driver.open_view("segmentation", view, photo, given)


def pixels_of(url: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image)


def planted() -> np.ndarray:
    return planted_map(find(KEY).labels, SIZE)


@pytest.mark.parametrize("view", [*VIEWS, "Models"])
@pytest.mark.parametrize("network", [FEW, MANY])
def test_every_view_opens_with_few_classes_and_with_many(view, network):
    open_view(view, network=network)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("photo", [SMALL, PANORAMA], ids=["small", "panorama"])
def test_photos_of_any_shape_are_taken(view, photo):
    open_view(view, photo)


def test_masks_and_legend_show_the_planted_classes():
    app = open_view("Segment")
    data = component(app, "segment_photo")
    np.testing.assert_array_equal(pixels_of(data["ids"]), planted())
    fractions = {one["name"]: one["fraction"] for one in data["classes"]}
    persons = np.any([person(number) for number in range(len(PERSONS))], axis=0)
    assert fractions == pytest.approx({"bus": bus().mean(), "person": persons.mean()})
    assert "background" not in fractions
    assert len({one["colour"] for one in data["classes"]}) == 2
    assert f"**{percent(fractions['bus'])}** bus" in written(app)
    assert "**12 ms** on the CPU" in written(app)


def test_the_pixels_of_a_large_photo_that_are_used_are_named():
    used = "Computed on 640 × 480 of the file’s 4,000 × 3,000 pixels."
    assert used in written(open_view("Segment", replace(STREET, original_size=(4000, 3000))))
    assert "Computed on" not in written(open_view("Segment"))


def test_size_and_tiles_are_passed_to_the_network():
    app = open_view("Segment")
    app.selectbox(key="segment_side").set_value(960).run()
    app.segmented_control(key="segment_mode").set_value("tiled").run()
    assert_fine(app)
    assert list(dict.fromkeys(load(KEY).calls)) == [("whole", 520), ("whole", 960), ("tiled", 960)]
    assert "is resized to 1,280 × 960, in 4 tiles of 768 × 768" in written(app)


def test_the_network_runs_once_and_once_more_where_all_probabilities_are_shown():
    open_view("Segment")
    runs = len(load(KEY).calls)
    assert runs <= 2  # the first one may warm the network up
    app = open_view("Confidence")
    assert len(load(KEY).calls) == (runs := runs + 1)
    for value in (10, 90):
        app.slider(key="sure_blank").set_value(value).run()
    assert_fine(app)
    assert len(load(KEY).calls) == runs


def test_a_long_photo_has_no_size_that_is_too_long():
    app = open_view("Segment", PANORAMA)
    sides = [int(option.split()[0]) for option in app.selectbox(key="segment_side").options]
    assert all(load(KEY).frame((40, 900), side) for side in sides)
    assert max(sides) == 182


def test_pixels_are_offered_as_files():
    app = open_view("Segment")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Mask", "Overlay", "Cut-out", "COCO", "Polygons"]
    assert app.multiselect(key="cut_out_classes").options == ["background", "bus", "person"]
    app.multiselect(key="cut_out_classes").set_value(["person"]).run()
    assert_fine(app)


def test_confidence_and_entropy_are_named_with_their_means():
    app = open_view("Confidence")
    prediction = load(KEY).predict(STREET.pixels)
    assert f"{percent(float(prediction.confidence.mean()))} on average" in component(app, "sure_confidence")["caption"]
    assert f"{prediction.entropy().mean():.2f} on average" in component(app, "sure_entropy")["caption"]
    assert "It is lowest along borders" in written(app)


def test_the_threshold_leaves_doubtful_pixels_blank():
    app = open_view("Confidence")
    app.slider(key="sure_blank").set_value(60).run()
    doubtful = np.isclose(load(KEY).predict(STREET.pixels).confidence, BORDER)
    assert 0 < doubtful.mean() < 0.1
    assert app.metric[0].value == percent(1 - float(doubtful.mean()))
    table = app.dataframe[0].value.set_index("Class")
    persons = planted() == find(KEY).labels.index("person")
    assert table.loc["person", "Above the threshold"] == pytest.approx(100 * (~doubtful)[persons].mean())
    app.slider(key="sure_blank").set_value(99).run()
    assert app.metric[0].value == "0.0%"
    app.slider(key="sure_blank").set_value(0).run()
    assert app.metric[0].value == "100.0%"


def test_a_tapped_pixel_names_its_class_and_all_probabilities():
    app = open_view("Confidence")
    fire(app, "sure_photo", "point", {"row": 390, "column": 560})
    assert "Row 390, column 560: **person**, confidence 95.0%" in written(app)
    assert component(app, "sure_photo")["marks"][0] == {"row": 390, "column": 560, "height": 1, "width": 1}
    bars = next(
        part.proto.body for part in app.get("html") if "aria-label" in part.proto.body and "<th" in part.proto.body
    )
    assert bars.count("<tr>") == len(find(KEY).labels)
    assert bars.index("person") < bars.index("bus") < bars.index("airplane")
    fire(app, "sure_photo", "point", {"row": 100, "column": 100})
    assert "**bus**" in written(app)


def test_a_pixel_has_one_confidence_in_the_sentence_and_in_the_bars():
    one = replace(load(KEY).predict(STREET.pixels), confidence=np.full(SIZE, 0.5056, np.float32))  # 50.5% in float16
    halves = np.full((len(one.labels), *SIZE), 0.5056, np.float16)
    values = probabilities_at(one, halves, 3, 4)
    assert percent(float(values[one.class_map[3, 4]])) == "50.6%"


def test_many_classes_get_a_note_instead_of_bars():
    app = open_view("Confidence", network=MANY)
    assert any("150 classes" in note.value and "at most 25" in note.value for note in app.info)


def test_the_default_pixel_has_the_highest_entropy():
    app = open_view("Confidence")
    prediction = load(KEY).predict(STREET.pixels)
    row, column = np.unravel_index(prediction.entropy().argmax(), SIZE)
    assert f"Row {row}, column {column}:" in written(app)


def test_objects_have_a_colour_a_number_and_a_confidence_each():
    app = open_view("Semantic or instance")
    data = component(app, "objects_instance")
    assert [one["name"] for one in data["classes"]] == ["person 1", "person 2", "person 3", "person 4", "bus 1"]
    details = [f"confidence {percent(score)}" for score in np.float32(SCORES)]
    assert [one["detail"] for one in data["classes"]] == details
    assert len({one["colour"] for one in data["classes"]}) == 5
    ids = pixels_of(data["ids"])
    assert [ids[row, column] for row, column, _ in PERSONS] == [1, 2, 3, 4]
    assert ids[100, 300] == 5


def test_instances_are_counted():
    app = open_view("Semantic or instance")
    known = (planted() > 0).mean()
    assert f"Semantic segmentation assigns **2** classes to **{percent(known)}** of the photo" in written(app)
    assert "Instance segmentation finds **5** objects: **4** × person · **1** × bus" in written(app)
    table = app.dataframe[0].value.set_index("Class")
    assert table["Objects"].to_dict() == {"bus": 1, "person": 4}
    np.testing.assert_allclose(table["Pixels, semantic"], table["Pixels, instances"])
    app.slider(key="instance_confidence").set_value(85).run()
    assert "Instance segmentation finds **2** objects: **2** × person" in written(app)
    table = app.dataframe[0].value.set_index("Class")
    assert np.isnan(table.loc["bus", "Objects"])
    assert_fine(app)


def test_the_classical_way_is_counted_beside_the_network():
    app = open_view("Semantic or instance")
    assert app.selectbox(key="classical_class").options == ["person", "bus"]
    assert "**Connected components**: 2, of which **1** agrees" in written(app)
    assert "**Watershed**: 4, of which **4** agree" in written(app)
    assert "**The network's instances**: 4" in written(app)
    table = app.dataframe[1].value
    assert table["The network's object"].tolist() == ["person 1", "person 2", "person 3", "person 4"]
    assert (table["IoU, watershed"] > 0.9).all()
    assert table["IoU, connected components"].tolist() == pytest.approx([0.34, 0.34, 0.34, 1], abs=0.02)
    app.slider(key="classical_narrow").set_value(0).run()
    assert "**Watershed**: 2, of which" in written(app)
    assert_fine(app)


def test_objects_are_offered_as_files():
    app = open_view("Semantic or instance")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Mask", "Overlay", "Cut-out", "COCO", "Polygons"]


def test_no_detection_gets_a_message():
    app = open_view("Semantic or instance", link={"instance_confidence": "95"})
    assert "Instance segmentation finds **no object**." in written(app)
    assert not app.get("download_button")


def test_the_table_lists_the_segmenters_of_both_kinds():
    app = open_view("Models")
    table = app.dataframe[0].value
    both = [*list_models("semantic-segmentation"), *list_models("instance-segmentation")]
    assert sorted(table["Model"]) == sorted(spec.title for spec in both)
    published = [spec.metric.name for spec in both if spec.metric and spec.url]
    assert table["Mean IoU"].notna().sum() == published.count("mean IoU")
    assert table["Mask mAP50-95"].notna().sum() == published.count("mask mAP50-95")
    assert f"of {len(both)}**" in written(app)


@pytest.mark.parametrize("title", [MANY, "YOLO26n-seg", FEW])
def test_each_source_of_weights_is_named(title, monkeypatch, tmp_path):
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path / "nothing"))
    app = open_view("Models", link={"models_wanted": title})
    source = {MANY: "the Hugging Face hub", FEW: "PyTorch's own server"}.get(title, "Ultralytics' releases on GitHub")
    assert source in written(app)
