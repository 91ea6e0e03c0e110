"""Page 5: every view on samples and on an uploaded photo; the page agrees with the network's predictions."""

import re
from dataclasses import replace
from functools import partial

import driver
import numpy as np
import pytest
from driver import PAGE_5, SMALL, assert_fine, component, draw, fire, html, open_app, open_page, written

from cnn_demo.drawing.shapes import box_shape
from cnn_demo.images import sample_photos
from cnn_demo.models import find, load
from cnn_demo.models.boxes import giou, iou, loss_parts, normalize_boxes
from cnn_demo.models.localization import weak_localization
from cnn_demo.results import percent
from cnn_demo.ui.localization import state as localize_state
from cnn_demo.ui.localization.two_boxes import BEGINNINGS
from cnn_demo.ui.localization.workbench import VIEWS

open_view = partial(driver.open_view, "localization")
NETWORK = "everyday_localizer"  # where the page begins
CALTECH = {"localizer": "Caltech localizer"}  # the choice in a link


@pytest.fixture(autouse=True)
def _only_the_bundled_networks(monkeypatch, tmp_path):
    monkeypatch.delenv("CNN_DEMO_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def model():
    return load(NETWORK)


@pytest.fixture(scope="module")
def astronaut():
    return next(sample for sample in sample_photos() if sample.key == "astronaut").load()


@pytest.fixture(scope="module")
def cat():
    return next(sample for sample in sample_photos() if sample.key == "chelsea").load()


@pytest.fixture(scope="module")
def flower():
    return next(sample for sample in sample_photos() if sample.key == "flower").load()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_with_a_photo_of_ones_own(view):
    open_page(PAGE_5, SMALL, {"task": view})


@pytest.mark.parametrize(("key", "label", "link"), [(NETWORK, "person", {}), ("caltech_localizer", "face", CALTECH)])
def test_the_astronaut_is_localized_with_its_figures(key, label, link, astronaut):
    app = open_view("Localize", astronaut, link)
    model = load(key)
    prediction = model.predict(astronaut.pixels)
    assert prediction.label == label
    left, top, right, bottom = prediction.box_xyxy.round().astype(int)
    assert f"From ({left}, {top}) to ({right}, {bottom})" in written(app)
    known, truth = localize_state.sample_truth(astronaut, model.labels)
    assert known == label
    assert f"**{float(iou(prediction.box_xyxy, truth)):.2f}**" in written(app)


def test_a_flower_is_classified_as_nothing_without_a_box(flower):
    app = open_view("Localize", flower)
    assert "### Nothing, " in written(app)
    assert html(app).count("<tr>") == 6  # the most probable classes of 21, "nothing" among them
    assert "nothing" in html(app)
    app = open_view("Draw the ground truth", flower)
    assert app.selectbox(key="true_class").placeholder == "nothing: predicted"
    assert "has no ground-truth box" in written(app)


def test_a_high_threshold_removes_the_box(model, astronaut):
    probability = float(model.predict(astronaut.pixels).probability)
    if probability > 0.999:
        pytest.skip("the network is too sure for any threshold of the slider")
    app = open_view("Localize", astronaut)
    app.slider(key="sure").set_value(100).run()
    assert "### Nothing recognized" in written(app)
    assert f"person, has {percent(probability)}: less than the threshold of 100.0%" in written(app)


def test_each_network_begins_with_its_own_threshold(astronaut):
    app = open_view("Localize", astronaut)
    for key in ("caltech_localizer", NETWORK):
        app.slider(key="sure").set_value(10).run()
        app.button_group(key="localizer").set_value(key).run()
        assert_fine(app)
        assert app.slider(key="sure").value == round(100 * find(key).threshold)
    assert find("caltech_localizer").threshold != find(NETWORK).threshold
    assert open_view("Localize", astronaut, {"sure": "60"} | CALTECH).slider(key="sure").value == 60


@pytest.mark.parametrize(
    ("view", "key"), [("Draw the ground truth", "true_class"), ("Without a box head", "cam_class")]
)
def test_a_class_that_the_new_network_lacks_is_reset(view, key, astronaut):
    app = open_view(view, astronaut, CALTECH, **{key: "sheep"})
    assert app.selectbox(key=key).value is None


def test_the_loss_is_the_sum_of_its_parts(model, astronaut):
    box = np.array([100.0, 20, 320, 210])
    app = open_view(
        "Draw the ground truth",
        astronaut,
        {"weight_giou": "4.0", "true_class": "motorcycle"},
        drawn_truths={astronaut.key: box},
    )
    evidence = model.evidence(astronaut.pixels)
    size = astronaut.pixels.shape[:2]
    true = model.labels.index("motorcycle")
    parts = loss_parts(
        evidence.logits, true, normalize_boxes(evidence.box_xyxy, size), normalize_boxes(box, size), {"giou": 4.0}
    )
    shown = html(app)
    for part in parts:
        assert f"{part.value:.3f} × {part.weight:g} = <b>{part.weighted:.3f}</b>" in shown
    assert f"<b>{sum(part.weighted for part in parts):.3f}</b>" in shown
    assert app.metric[0].value == f"{float(iou(evidence.box_xyxy, box)):.3f}"


def test_nothing_has_no_box_to_learn(astronaut):
    app = open_view("Draw the ground truth", astronaut, {"true_class": "nothing"})
    assert "has no ground-truth box" in written(app)
    assert re.search(r"0\.000 × 5 = <b>0\.000</b>", html(app))


def test_without_a_drawn_box_the_page_explains_how_to_draw_one(flower):
    app = open_view("Draw the ground truth", flower)
    assert any("Draw a box" in note.value for note in app.info)


def test_a_drawn_box_is_the_ground_truth_until_it_is_removed(model, flower):
    box = np.array([20.0, 30.5, 200, 180])
    app = open_view("Draw the ground truth", flower)
    draw(app, "truth_canvas", [box_shape(np.array([1.0, 2, 30, 40])), box_shape(box)])  # the last one counts
    assert_fine(app)
    assert app.metric[0].value == f"{float(iou(model.evidence(flower.pixels).box_xyxy, box)):.3f}"
    np.testing.assert_array_equal(app.session_state["drawn_truths"][flower.key], box)
    draw(app, "truth_canvas", [])
    assert flower.key not in app.session_state["drawn_truths"]
    assert not app.metric


def test_the_drawing_begins_with_the_box_that_was_drawn_before(flower):
    app = open_view("Draw the ground truth", flower, drawn_truths={flower.key: np.array([20.0, 30, 200, 180])})
    assert component(app, "truth_canvas")["shapes"] == [{"kind": "box", "classId": 0, "points": [[20, 30], [200, 180]]}]


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_box_a_is_written_in_four_ways(cat, begin):
    app = open_view("Two boxes", cat, {"boxes_begin": BEGINNINGS[begin].title})
    height, width = cat.pixels.shape[:2]
    corners = np.array(BEGINNINGS[begin].first) * (width, height, width, height)
    assert [app.number_input(key=f"boxes_typed_{i}").value for i in range(4)] == pytest.approx(corners, abs=0.05)


def test_a_box_is_written_in_pixels_of_a_larger_file(cat):
    larger = replace(cat, original_size=tuple(2 * side for side in cat.original_size))
    app = open_view("Two boxes", larger)
    fire(app, "box_pair", "boxes", [[10, 20, 110, 80], [60, 20, 160, 80]])
    assert [app.number_input(key=f"boxes_typed_{i}").value for i in range(4)] == [20, 40, 220, 160]
    app.number_input(key="boxes_typed_0").set_value(60.0).run()
    assert_fine(app)
    assert component(app, "box_pair")["boxes"][0] == [30, 20, 110, 80]


def test_a_dragged_box_is_kept_and_a_typed_one_too(cat):
    app = open_view("Two boxes", cat)
    fire(app, "box_pair", "boxes", [[10, 20, 110, 80], [60, 20, 160, 80]])
    assert_fine(app)
    assert [app.number_input(key=f"boxes_typed_{i}").value for i in range(4)] == [10, 20, 110, 80]
    assert "0.333" in written(app)
    app.number_input(key="boxes_typed_0").set_value(60.0).run()
    assert_fine(app)
    data = component(app, "box_pair")
    assert data["boxes"] == [[60, 20, 110, 80], [60, 20, 160, 80]]
    app.number_input(key="boxes_typed_0").set_value(200.0).run()
    assert_fine(app, errors=1)
    assert "no area" in app.error[0].value
    assert component(app, "box_pair")["boxes"][0] == [60, 20, 110, 80]


def test_a_link_has_the_dragged_boxes(cat):
    app = open_view("Two boxes", cat)
    fire(app, "box_pair", "boxes", [[10.5, 20, 110, 80], [60, 20, 160.25, 80]])
    friend = open_view("Two boxes", cat, dict(app.query_params))
    assert component(friend, "box_pair")["boxes"] == [[10.5, 20, 110, 80], [60, 20, 160.25, 80]]
    app.segmented_control(key="boxes_begin").set_value("apart").run()
    assert "boxes" not in app.query_params


@pytest.mark.parametrize(
    "text", ["x", "1,2,3,4", "0,0,0,0_0,0,1,1", "nan,0,1,1_0,0,1,1", "0,0,inf,1_0,0,1,1", "_" * 999]
)
def test_invalid_boxes_in_a_link_are_ignored(cat, text):
    begun = component(open_view("Two boxes", cat), "box_pair")["boxes"]
    assert component(open_view("Two boxes", cat, {"boxes": text}), "box_pair")["boxes"] == begun


def test_invalid_values_from_a_browser_move_no_box(cat):
    app = open_view("Two boxes", cat)
    before = component(app, "box_pair")["boxes"]
    fire(app, "box_pair", "boxes", [[10, 20], "x"])
    assert_fine(app)
    assert component(app, "box_pair")["boxes"] == before


def test_three_ways_to_a_box_and_the_cost_of_a_scan(astronaut):
    app = open_view("Without a box head", astronaut)
    app.pills(key="window_sizes").set_value([100, 50]).run()
    assert_fine(app)
    assert "26 passes" in html(app)  # one, and five by five at steps of a quarter
    for title in ("Box head", "Class activation map", "Sliding window"):
        assert f"<b>{title}</b>" in html(app)
    assert html(app).count("IoU with the ground truth") == 3


def test_no_window_and_too_many_windows_are_one_sentence(cat, monkeypatch):
    monkeypatch.setattr(weak_localization, "MAX_WINDOWS", 1000)
    app = open_view("Without a box head", cat)
    app.pills(key="window_sizes").set_value([]).run()
    assert_fine(app)
    assert any("at least one window size" in note.value for note in app.info)
    app.slider(key="window_step").set_value(10).run()
    app.pills(key="window_sizes").set_value([25, 50]).run()
    assert_fine(app)
    assert any("That would be 1,082 windows" in note.value for note in app.info)


def test_how_it_learned_shows_every_epoch_and_the_worst():
    from cnn_demo.models.training_records import localizer_record

    record = localizer_record()
    app = open_view("Training", next(iter(sample_photos())).load())
    data = component(app, "localizer_book")
    assert data["frameEpochs"] == [*range(len(record.epochs) + 1)]
    assert all(len(line["values"]) == len(record.epochs) for chart in data["charts"] for line in chart["lines"])
    assert html(app).count("data:image/svg+xml") == len(record.worst)
    assert f"IoU {record.worst[0]['iou']:.2f}" in html(app)
    assert "This is the **Caltech localizer**" in written(app)  # not the network of the other tabs


def test_without_its_weights_the_page_has_a_message_and_the_boxes_still_work(monkeypatch, cat):
    monkeypatch.setattr("cnn_demo.ui.localization.state.list_models", lambda task: ())
    app = open_app(PAGE_5, photo=cat)
    assert_fine(app, errors=1)
    assert "No localizer is on this machine" in app.error[0].value
    assert_fine(open_app(PAGE_5, photo=cat, link={"task": "Two boxes"}))


def test_giou_of_the_page_is_giou(model, astronaut):
    app = open_view("Draw the ground truth", astronaut)
    evidence, (_, truth) = model.evidence(astronaut.pixels), localize_state.sample_truth(astronaut, model.labels)
    expected = f"{float(giou(evidence.box_xyxy, truth)):.3f}".replace("-", "−")
    assert expected in str(app.table[0].value)
