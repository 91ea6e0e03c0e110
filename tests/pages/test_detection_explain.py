"""Page 6, Explain: one box of a planted detector, whose reasons are corners of the photo."""

from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import assert_fine, component, fire, picture, written
from planted_regions import corner_two_stages

from cnn_demo import models
from cnn_demo.images import Photo
from cnn_demo.jobs import job_queue
from cnn_demo.lessons.leads import EXPLAIN_BOX
from cnn_demo.models.detection.torchvision_detectors import CLASSES, TorchvisionDetector
from cnn_demo.ui.detection import explain

pytestmark = pytest.mark.usefixtures("detectors")
STREET = Photo(np.random.default_rng(0).integers(150, 256, (240, 320, 3), dtype=np.uint8), "street.jpg", "digest-why")


@pytest.fixture
def app():
    return driver.open_view("detection", "Explain", STREET, {"explain_opacity": "100"})


def quarter(heat: np.ndarray, row: int, column: int) -> float:
    """Return the fraction of a heatmap's light that is in one quarter of the photo."""
    light = heat.astype(float).sum(axis=2)
    light -= light.min()
    height, width = (length // 2 for length in light.shape)
    part = light[row * height :, column * width :][:height, :width]
    return float(part.sum() / light.sum())


def test_the_chosen_box_is_explained_by_its_corner(app):
    data, heat = picture(app, "explain_heat")
    assert quarter(heat, 0, 0) > 0.8
    assert [box["label"] for box in component(app, "explain_photo")["boxes"]][-1] == "person 93.0%"
    assert "pyramid level" in written(app)
    assert EXPLAIN_BOX in written(app)
    assert data["marks"], "the cell that predicted it"


def test_a_tap_and_the_number_choose_another_box(app):
    fire(app, "explain_photo", "point", {"row": 40, "column": 290})
    assert_fine(app)
    assert app.number_input(key="explain_box").value == 3
    assert component(app, "explain_photo")["boxes"][-1]["label"] == "bus 83.0%"
    app.number_input(key="explain_box").set_value(2).run()
    assert component(app, "explain_photo")["boxes"][-1]["label"] == "person 88.0%"
    app.slider(key="detect_confidence").set_value(90).run()
    assert app.number_input(key="explain_box").value == 1
    assert_fine(app)


def test_the_sides_of_the_box_have_another_reason(app):
    app.segmented_control(key="explain_part").set_value("box").run()
    assert_fine(app)
    assert quarter(picture(app, "explain_heat")[1], 1, 1) > 0.8
    assert "backbone" in written(app)
    assert "IoU with the box" in str([chart.proto.spec for chart in app.get("plotly_chart")])


def test_a_perturbation_runs_as_a_job_and_keeps_its_map(app):
    app.select_slider(key="explain_masks").set_value(100).run()
    app.button(key="explain_run").click().run()
    (job,) = app.session_state["explain_jobs"].values()
    assert job.wait(120)
    app.run()
    assert_fine(app)
    assert "D-RISE: 100 runs of the network" in written(app)
    assert component(app, "explain_masked")["alt"]
    assert app.button(key="explain_run").disabled


def test_a_stopped_perturbation_keeps_the_runs_so_far(app):
    app.select_slider(key="explain_masks").set_value(2000).run()
    app.button(key="explain_run").click().run()
    (job,) = app.session_state["explain_jobs"].values()
    while job.active and job.progress is None:
        job.wait(0.05)
    job_queue().stop(job)
    assert job.wait(60)
    app.run()
    assert_fine(app)
    assert f"stopped after {job.progress.done} of 2000 runs" in written(app)
    assert not app.button(key="explain_run").disabled


def test_another_photo_stops_the_run_of_this_one(app):
    app.select_slider(key="explain_masks").set_value(2000).run()
    app.button(key="explain_run").click().run()
    (job,) = app.session_state["explain_jobs"].values()
    app.number_input(key="explain_box").set_value(2).run()
    assert job.wait(60)
    assert job.state == "stopped"
    assert_fine(app)


def test_detect_and_explain_share_the_selected_box(app):
    fire(app, "explain_photo", "point", {"row": 40, "column": 290})
    pointed = app.session_state["detect_pointed"]
    detect = driver.open_view("detection", "Detect", STREET, detect_pointed=pointed)
    data = component(detect, "detect_photo")
    assert data["boxes"][data["focus"]]["label"].startswith("bus")
    again = driver.open_view("detection", "Explain", STREET, detect_pointed=pointed)
    assert again.number_input(key="explain_box").value == 3


def test_back_and_forward_choose_the_box_of_the_link(app, monkeypatch):
    app.number_input(key="explain_box").set_value(3).run()
    with monkeypatch.context() as history:
        history.setattr(explain, "went_back_or_forward", lambda: True)
        app.session_state["explain_box"] = 2  # as the link does after Back
        app.run()
    app.slider(key="explain_opacity").set_value(50).run()
    assert_fine(app)
    assert app.number_input(key="explain_box").value == 2
    assert component(app, "explain_photo")["boxes"][-1]["label"] == "person 88.0%"


def test_without_boxes_it_says_so():
    app = driver.open_view("detection", "Explain", STREET, {"detect_confidence": "95"})
    assert "No box is above the confidence threshold" in app.info[0].value


def test_a_model_of_the_link_that_is_not_here_is_named():
    app = driver.open_view("detection", "Explain", STREET, {"detector": "FCOS, ResNet-50"})
    assert "The link asks for FCOS, ResNet-50, which is not on this machine" in written(app)
    instead = app.selectbox(key="detector").value
    other = next(each for each in app.selectbox(key="detector").options if each != instead)
    for chosen in (other, instead):  # the note has gone once the visitor has chosen
        app.selectbox(key="detector").select(chosen).run()
        assert "which is not on this machine" not in written(app)


def test_a_box_of_two_stages_is_explained_by_its_region(monkeypatch):
    planted = models._load_row

    def loader(spec, device):
        if spec.family != "torchvision_detector":
            return planted(spec, device)
        return TorchvisionDetector(replace(spec, input_size=(320, 320)), corner_two_stages(CLASSES), "cpu")

    monkeypatch.setattr(models, "_load_row", loader)
    link = {"detector": "Faster R-CNN, ResNet-50", "explain_opacity": "100", "explain_maps": "Backbone"}
    app = driver.open_view("detection", "Explain", STREET, link)
    assert quarter(picture(app, "explain_heat")[1], 0, 0) > 0.8
    assert "pyramid level" in written(app)
    assert not [choice for choice in app.segmented_control if choice.key == "explain_maps"], "only one kind of maps"
    app.segmented_control(key="explain_part").set_value("box").run()
    assert_fine(app)
    heat = picture(app, "explain_heat")[1]
    assert quarter(heat, 1, 0) + quarter(heat, 1, 1) > 0.8  # the lower right corner of its region
    assert "the region that it was predicted from" in written(app)
