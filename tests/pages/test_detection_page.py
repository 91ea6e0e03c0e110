"""Page 6: every view with a fake detector; the page agrees with its predictions."""

import io
import json
import re
import zipfile
from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import PAGE_6, assert_fine, component, draw, fire, html, open_page, written
from PIL import Image
from planted import OBJECTS
from streamlit.testing.v1 import AppTest

from cnn_demo.drawing.boxes import box_at
from cnn_demo.drawing.shapes import box_shape
from cnn_demo.images import Photo
from cnn_demo.jobs import job_queue
from cnn_demo.limits import VIDEO_MB
from cnn_demo.models import find, list_models, load
from cnn_demo.models.detection.candidates import NOT_SUPPRESSED, select
from cnn_demo.models.files import weights
from cnn_demo.ui.detection import downloads
from cnn_demo.ui.detection.compare import _matched, unmatched
from cnn_demo.ui.detection.mistakes import MEANINGS
from cnn_demo.ui.detection.workbench import VIEWS

pytestmark = pytest.mark.usefixtures("detectors")
TWO_STAGES = "Faster R-CNN, ResNet-50"
STREET = Photo(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8), "street.jpg", "digest-street")


def open_view(view: str, photo: Photo = STREET, link: dict | None = None) -> AppTest:
    return driver.open_view("detection", view, photo, link)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_on_the_page(view):
    open_page(PAGE_6, STREET, {"task": view})


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("network", ["YOLO11n", "YOLO26n", TWO_STAGES])
def test_every_view_opens_with_every_kind_of_detector(view, network):
    open_view(view, link={"detector": network})


def test_each_detector_begins_with_its_own_threshold():
    app = open_view("Detect")
    for title, key in (("YOLO26n", "yolo26n"), ("YOLO11n", "yolo11n")):
        app.slider(key="detect_confidence").set_value(60).run()
        app.selectbox(key="detector").set_value(key).run()
        assert_fine(app)
        assert app.slider(key="detect_confidence").value == round(100 * find(key).threshold) == 25, title
    assert find("everyday_detector").threshold == 0.45
    assert open_view("Detect", link={"detector": "YOLO26n", "detect_confidence": "60"}).slider[0].value == 60


def test_planted_objects_are_detected_and_counted():
    app = open_view("Detect")
    assert "### **2** × person · **1** × bus" in written(app)
    table = app.dataframe[0].value
    assert table["class"].tolist() == ["person", "person", "bus"]
    box = np.array(OBJECTS[0][1]) * (640, 480, 640, 480)
    np.testing.assert_allclose(table.loc[0, ["xmin", "ymin", "xmax", "ymax"]].astype(float), box, atol=2)


def test_thresholds_and_limits_filter_the_boxes():
    app = open_view("Detect")
    app.slider(key="detect_confidence").set_value(90).run()
    assert "### **1** × person" in written(app)
    app.slider(key="detect_confidence").set_value(25).run()
    app.multiselect(key="detect_classes").set_value(["bus"]).run()
    assert "### **1** × bus" in written(app)
    app.slider(key="detect_iou").set_value(95).run()
    assert "### **4** × bus" in written(app)
    app.multiselect(key="detect_classes").set_value(["kite"]).run()
    assert "### No objects." in written(app)
    assert_fine(app)


def test_a_slider_does_not_run_the_network_again(monkeypatch):
    calls = []
    ask = load("yolo11n").candidates
    monkeypatch.setattr(load("yolo11n"), "candidates", lambda *args: calls.append(1) or ask(*args))
    app = open_view("Detect")
    assert len(calls) <= 2  # the first run may warm the network up
    calls.clear()
    for value in (30, 50, 70):
        app.slider(key="detect_confidence").set_value(value).run()
    assert calls == []


def test_a_tapped_box_is_marked_in_the_table_and_a_second_tap_deselects_it():
    app = open_view("Detect")
    middle = {"row": 300, "column": 304}  # on the second person, the smallest box there
    fire(app, "detect_photo", "point", middle)
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    assert app.session_state["detect_pointed"][-1] == found["candidate"][1]
    fire(app, "detect_photo", "point", middle)
    assert app.session_state["detect_pointed"][-1] is None


def test_the_smallest_box_around_a_point():
    boxes = np.array([[0, 0, 100, 100], [10, 10, 30, 30], [60, 60, 90, 90]])
    assert box_at(boxes, 20, 20) == 1
    assert box_at(boxes, 50, 50) == 0
    assert box_at(boxes, 200, 50) is None


def test_downloads_match_the_table():
    app = open_view("Detect")
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Picture", "JSON", "CSV", "COCO", "YOLO", "Crops"]
    assert len(app.dataframe[0].value) == len(found)


def test_downloads_are_in_pixels_of_the_file(monkeypatch):
    photo = replace(STREET, original_size=(4 * STREET.size[1], 4 * STREET.size[0]), file_name="street.jpg")
    spec = find("yolo11n")
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    offered = {}
    monkeypatch.setattr(downloads, "file_buttons", lambda key, files, explained: offered.update(files))
    downloads.downloads(photo, spec, found)
    content = {label: make() for label, (make, _, _) in offered.items()}

    record = json.loads(content["JSON"])
    assert (record["photo"], record["width"], record["height"]) == ("street.jpg", *photo.original_size)
    np.testing.assert_allclose([each["box_xyxy"] for each in record["detections"]], 4 * found.xyxy, atol=0.06)
    image = json.loads(content["COCO"])["images"][0]
    assert (image["file_name"], image["width"], image["height"]) == ("street.jpg", *photo.original_size)
    assert Image.open(io.BytesIO(content["Picture"])).size == photo.original_size
    with zipfile.ZipFile(io.BytesIO(content["YOLO"])) as archive:
        assert Image.open(archive.open("images/train/street.jpg")).size == photo.original_size
    assert [name for _, name, _ in offered.values()] == [
        "street boxed.jpg",
        "street.json",
        "street.csv",
        "street coco.json",
        "street yolo.zip",
        "street crops.zip",
    ]


def test_an_end_to_end_head_has_no_iou_slider():
    for view in ("Detect", "Non-maximum suppression", "Evaluate"):
        app = open_view(view, link={"detector": "YOLO26n"})
        assert "No NMS here" in written(app)
        assert not [slider for slider in app.slider if slider.key == "detect_iou"]
    assert "only one predicts a box" in written(open_view("Non-maximum suppression", link={"detector": "YOLO26n"}))


def test_nms_is_shown_step_by_step():
    selection = select(load("yolo11n").candidates(STREET.pixels))
    lost = int((selection.suppressor != NOT_SUPPRESSED).sum())
    app = open_view("Non-maximum suppression", link={"nms_step": "1"})
    assert [metric.value for metric in app.metric] == [str(len(selection.order)), str(lost), str(len(selection.kept))]
    suppressed = selection.suppressed(int(selection.kept[0]))
    assert f"It suppresses **{len(suppressed)}**" in written(app)
    shown = app.dataframe[0].value["IoU with it"]
    np.testing.assert_allclose(shown, selection.overlap[suppressed])


def test_a_box_names_its_cell():
    app = open_view("Cells and proposals")
    candidates = load("yolo11n").candidates(STREET.pixels)
    index = int(np.argmax(candidates.scores))
    level, row, column = candidates.cells[index]
    grid = candidates.grids[level]
    sentence = f"predicted by the cell in row {row + 1}, column {column + 1} of the {grid.rows} × {grid.columns} grid"
    assert sentence in written(app)
    fire(app, "grid_photo", "point", {"row": 300, "column": 304})
    assert sentence not in written(app)
    assert_fine(app)


def test_two_stages_are_shown_beside_each_other():
    app = open_view("Cells and proposals", link={"detector": TWO_STAGES})
    assert "proposes 12 regions" in written(app)
    assert "kept **2**" in written(app)


def test_detectors_are_compared():
    app = open_view("Compare", link={"detectors": ["YOLO11n", "YOLO26n"]})
    assert "They agree" in written(app)
    app = open_view("Compare", link={"detectors": ["YOLO11n", TWO_STAGES]})
    assert "1 of its 3 boxes has no match in another model" in written(app)
    assert "Each of its boxes has a match in all other models" in written(app)
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    assert unmatched(found, [found[:2]]).tolist() == [2]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((0, 0), "It has no boxes to compare."),
        ((0, 1), "Each of its boxes has a match in all other models."),
        ((1, 1), "Its only box has no match in another model."),
        ((2, 3), "2 of its 3 boxes have no match in another model."),
    ],
)
def test_matches_in_words(counts, sentence):
    assert _matched(*counts) == sentence


def test_the_drawn_truth_is_scored():
    app = open_view("Evaluate")
    objects = [*OBJECTS[:2], (5, (0.6, 0.72, 0.9, 0.98))]  # a bus where none was found
    draw(app, "score_canvas", [box_shape(np.array(fractions) * (640, 480, 640, 480), i) for i, fractions in objects])
    assert_fine(app)
    counts = "True positives: **2** · false positives: **1** · missed: **1**"
    assert f"{counts} · precision **0.67** · recall **0.67**" in written(app)
    assert [metric.value for metric in app.metric] == ["0.67", "0.67", "0.67"]
    assert "**Average precision: 0.50**" in written(app)
    app.slider(key="detect_confidence").set_value(90).run()
    assert "True positives: **1** · false positives: **0** · missed: **2**" in written(app)


def test_each_error_is_named_with_its_kind_and_a_sentence():
    app = open_view("Evaluate")
    person, crowded, wide = np.array(OBJECTS[0][1]), np.array(OBJECTS[1][1]), np.array([0.05, 0.3, 0.6, 0.95])
    truth = [(2, person), (0, crowded), (5, wide), (16, np.array([0.8, 0.8, 0.95, 0.95]))]
    draw(app, "score_canvas", [box_shape(box * (640, 480, 640, 480), class_id) for class_id, box in truth])
    assert_fine(app)
    table = app.dataframe[0].value
    assert table["kind"].tolist() == ["classification", "localization", "missed"]
    assert table["class"].tolist() == ["person", "bus", "dog"]
    assert "but the ground truth is car, not person." in table["sentence"][0]
    assert table["sentence"][1].startswith("The class is correct, but the box is not accurate: IoU 0.")
    kinds = html(app)
    # The second person is found, after a wrong first one: AP 1/2 of one in four classes.
    assert "**Average precision: 0.12**" in written(app)
    gains = {"classification": "+0.38", "localization": "+0.25", "missed": "+0.04"}  # to 2/4, to 1.5/4, to 0.5/3
    for kind, meaning in MEANINGS.items():
        assert f"{kind}</b>: {meaning}</th>" in kinds
        row = kinds.partition(f"<b>{kind}</b>")[2].partition("</tr>")[0]
        assert row.endswith(f">{gains.get(kind, '0')}</td>"), kind
    labels = [box["label"] for box in component(app, "score_photo")["boxes"]]
    assert labels[:3] == ["missed: dog", "classification", "localization"]


def test_without_ground_truth_the_page_explains_how_to_draw_it():
    app = open_view("Evaluate")
    assert any("Draw the ground truth" in note.value for note in app.info)


def test_ground_truth_can_start_from_the_predictions():
    app = open_view("Evaluate")
    app.button(key="score_take").click().run()
    assert_fine(app)
    data = component(app, "score_canvas")
    assert [shape["classId"] for shape in data["shapes"]] == [0, 0, 5]
    assert data["revision"] == 1
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    np.testing.assert_array_equal([np.ravel(shape["points"]) for shape in data["shapes"]], found.xyxy)
    assert app.button(key="score_take").disabled  # all of them are drawn
    draw(app, "score_canvas", [])
    assert component(app, "score_canvas")["shapes"] == []


def test_the_predictions_are_added_to_the_visitors_boxes():
    app = open_view("Evaluate")
    found = select(load("yolo11n").candidates(STREET.pixels)).detections()
    own = [box_shape(found.xyxy[0] + 3, 0), box_shape(found.xyxy[2], 2), box_shape(np.array([5, 5, 50, 50]), 0)]
    draw(app, "score_canvas", own)
    app.button(key="score_take").click().run()
    assert_fine(app)
    shapes = component(app, "score_canvas")["shapes"]
    assert [shape["classId"] for shape in shapes] == [0, 2, 0, 0, 5]  # the bus was drawn as another class
    np.testing.assert_array_equal(np.ravel(shapes[0]["points"]), found.xyxy[0] + 3)
    np.testing.assert_array_equal([np.ravel(shape["points"]) for shape in shapes[3:]], found.xyxy[1:])


def test_boxes_drawn_before_the_predictions_came_are_ignored():
    app = open_view("Evaluate")
    late = {"drawing": component(app, "score_canvas")["drawing"], "revision": 0, "shapes": []}
    app.button(key="score_take").click().run()
    fire(app, "score_canvas", "drawn", late)
    assert len(component(app, "score_canvas")["shapes"]) == 3


@pytest.mark.parametrize("value", [None, "x", [], {}, {"shapes": []}, {"drawing": [1], "revision": {}}])
def test_invalid_drawings_from_a_browser_are_ignored(value):
    app = open_view("Evaluate")
    draw(app, "score_canvas", [box_shape(np.array([10, 10, 90, 90]), 0)])
    before = component(app, "score_canvas")
    fire(app, "score_canvas", "drawn", value)
    named = {"drawing": before["drawing"], "revision": before["revision"]}
    for shapes in (None, value, [value], [{"kind": "box", "classId": 0, "points": [[float("nan")] * 2] * 2}]):
        if shapes != []:
            fire(app, "score_canvas", "drawn", named | {"shapes": shapes})
    assert_fine(app)
    assert component(app, "score_canvas") == before


def test_each_photo_has_its_own_drawing_and_each_class_its_colour():
    app = open_view("Evaluate")
    draw(app, "score_canvas", [box_shape(np.array([10, 10, 90, 90]), 5)])
    app.selectbox(key="score_class").set_value("kite").run()
    assert_fine(app)
    data = component(app, "score_canvas")
    assert [shape["classId"] for shape in data["shapes"]] == [5]
    assert data["classes"][data["classId"]][0] == "kite"
    assert data["classes"][0][1] != data["classes"][5][1]
    drawings = app.session_state["score_canvas_drawings"]
    other = driver.open_view("detection", "Evaluate", driver.SMALL, score_canvas_drawings=drawings)
    assert component(other, "score_canvas")["shapes"] == []
    again = open_view("Evaluate", link={"detector": "YOLO26n"}, photo=STREET)
    assert component(again, "score_canvas")["shapes"] == []  # another session
    again = driver.open_view("detection", "Evaluate", STREET, {"detector": "YOLO26n"}, score_canvas_drawings=drawings)
    assert len(component(again, "score_canvas")["shapes"]) == 1  # the same classes


def test_the_table_lists_every_detector():
    app = open_view("Models")
    assert len(app.dataframe[0].value) == len(list_models("detection"))
    here = 3 + sum(spec.availability() == "bundled" for spec in list_models("detection"))
    assert f"**{here} of {len(list_models('detection'))}**" in written(app)


def test_without_any_detector_the_tab_has_a_message_and_the_table(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "BUNDLED", tmp_path / "nothing")
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path / "nothing"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))

    def script():
        from driver import SMALL

        from cnn_demo.ui.detection.workbench import workbench

        workbench(SMALL)

    app = AppTest.from_function(script, default_timeout=200).run()
    assert_fine(app, errors=1)
    assert "please download one on the tab “Models”" in app.error[0].value


# Video ---------------------------------------------------------------------------------------------------------------


def labels_of(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_the_sample_video_is_tracked(monkeypatch):
    monkeypatch.setattr("cnn_demo.video.frames.MAX_FRAMES", 5)
    app = open_view("Video")
    assert "Track objects" not in labels_of(app)
    app.button(key="video_sample").click().run()
    assert app.session_state["video"].size == (360, 640)
    app.button(key="video_go").click().run()
    assert app.session_state["video_job"].wait(60)
    app.run()
    assert_fine(app)
    done = app.session_state["video_job"].progress
    assert (done.frames, done.cut) == (5, True)
    assert "### **2** × person · **1** × bus" in written(app)
    assert "5 frames, 0.3 s; yours is longer" in written(app)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"v=0\r\nm=video 5004 RTP/AVP 96\r\n", "This file cannot be read as a video: please choose MP4, WebM or MOV."),
        (b"GIF89a" + bytes(20), "This is a GIF: please choose MP4, WebM or MOV."),
    ],
)
def test_a_file_that_is_no_video_gives_one_sentence(data, sentence):
    app = open_view("Video")
    assert f"up to {VIDEO_MB} MB" in app.file_uploader(key="video_0").label
    app.file_uploader(key="video_0").upload("clip.mp4", data, "video/mp4").run()
    assert [error.value for error in app.error] == [sentence]
    app.button(key="video_sample").click().run()
    assert not app.error


def test_a_job_that_fails_is_called_by_its_name(monkeypatch):
    def broken(*_arguments):
        raise RuntimeError("a secret path")

    monkeypatch.setattr("cnn_demo.ui.detection.video.annotate_video", broken)
    app = open_view("Video")
    app.button(key="video_sample").click().run()
    app.button(key="video_go").click().run()
    assert app.session_state["video_job"].wait(60)
    app.run()
    (error,) = (error.value for error in app.error)
    assert re.fullmatch(r"The object tracking failed \(error [0-9a-f]{6}\): please start it again\.", error)
    assert job_queue().position(app.session_state["video_job"]) == 0
