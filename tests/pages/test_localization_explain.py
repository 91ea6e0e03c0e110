"""Page 5, Explain: a planted localizer whose class looks at one corner of the photo, and whose box at the opposite."""

from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import assert_fine, picture, written
from planted_corners import corner_localizer

from cnn_demo import models
from cnn_demo.images import Photo
from cnn_demo.models.localization.localizers import Localizer
from cnn_demo.ui.localization.explain import alike
from cnn_demo.ui.widgets import curve_charts

SIZE = (120, 160)
PHOTO = Photo(np.random.default_rng(1).integers(150, 256, (*SIZE, 3), dtype=np.uint8), "corners.jpg", "digest-corner")


@pytest.fixture(autouse=True)
def planted(no_models, monkeypatch):
    """All localizers are the planted one."""

    def loader(spec, device):
        return Localizer(replace(spec, input_size=(64, 64), scaling="tf"), corner_localizer(64), "cpu")

    monkeypatch.setattr(models, "_load_row", loader)
    monkeypatch.setattr(curve_charts, "PATIENCE", np.inf)  # on a slow machine, the curves wait for a click


def open_explain(**link: str):
    given = {"explain_opacity": "100", **link}
    return driver.open_view("localization", "Explain", PHOTO, given, localizer="caltech_localizer")


def quarter(app, key: str, row: int, column: int) -> float:
    """Return the fraction of a heatmap's light that is in one quarter of the photo."""
    light = picture(app, key)[1].astype(float).sum(axis=2)
    light -= light.min()
    height, width = (length // 2 for length in light.shape)
    return float(light[row * height :, column * width :][:height, :width].sum() / light.sum())


def test_class_and_box_are_explained_by_opposite_corners():
    app = open_explain()
    assert quarter(app, "explain_heat_class", 0, 0) > 0.8
    assert quarter(app, "explain_heat_box", 1, 1) > 0.8
    assert "Class and box depend on different pixels" in written(app)
    assert picture(app, "explain_heat_box")[0]["boxes"], "the predicted box"
    charts = str([chart.proto.spec for chart in app.get("plotly_chart")])
    assert "class probability" in charts
    assert "IoU with the box" in charts


def test_a_side_that_does_not_depend_on_the_photo_is_said_so():
    app = open_explain()
    app.segmented_control(key="explain_part").set_value("left").run()
    assert_fine(app)
    assert "One of the maps is zero" in written(app)
    assert any("The map is zero" in info.value for info in app.info)


def test_a_perturbation_of_the_box_runs_as_a_job_and_keeps_its_map():
    app = open_explain()
    app.segmented_control(key="explain_head").set_value("box").run()
    app.segmented_control(key="explain_perturbation").set_value("occlusion").run()
    app.button(key="explain_run").click().run()
    (job,) = app.session_state["explain_jobs"].values()
    assert job.wait(120)
    app.run()
    assert_fine(app)
    assert "Occlusion: " in written(app)
    assert quarter(app, "explain_masked", 1, 1) > 0.8


def test_a_class_of_a_link_that_the_network_lacks_is_the_predicted_one():
    app = open_explain(explain_class="unicorn", explain_part="Nose")
    assert_fine(app)
    assert app.selectbox(key="explain_class").value is None


def test_two_maps_that_are_brightest_at_one_side_are_named_together():
    values = np.zeros((9, 9))
    values[4, 8] = 1
    assert "Both maps are brightest at the right; 100.0% of the class map" in alike(
        values, values, np.array([6, 0, 9, 9])
    )
    assert "The map of the class is brightest at the right, that of the box brightest at the left" in alike(
        values, values[:, ::-1], np.array([6, 0, 9, 9])
    )
