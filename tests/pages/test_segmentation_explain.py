"""Page 7, Explain: a pixel or a region of a planted U-Net, whose reasons are known."""

from dataclasses import replace

import driver
import numpy as np
import pytest
from driver import assert_fine, component, fire, picture, written
from planted_corners import corner_unet

from cnn_demo import models
from cnn_demo.images import Photo, sample_photos
from cnn_demo.lessons.leads import EXPLAIN_PIXEL
from cnn_demo.models import find
from cnn_demo.models.catalogue.registry import BUNDLED_OPTIONS
from cnn_demo.models.explanation.yolo_mask_probe import YoloMaskProbe
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter
from cnn_demo.models.segmentation.unet_fields import pixel_fields
from cnn_demo.ui.widgets import curve_charts

SIZE = (128, 192)
DARK, BRIGHT = (slice(0, 64), slice(0, 96)), (slice(96, 128), slice(128, 192))


def photo_of(name: str) -> Photo:
    """The left upper quarter is grey, the right lower corner white: class 2 is there, class 1 everywhere else."""
    pixels = np.full((*SIZE, 3), 20, np.uint8)
    pixels[DARK], pixels[BRIGHT] = 110, 255
    return Photo(pixels, f"{name}.jpg", f"digest-{name}")


PHOTO = photo_of("corners")
_REAL_LOADER = models._load_row


@pytest.fixture(autouse=True)
def planted(no_models, monkeypatch, tmp_path):
    """A U-Net whose class 1 (cat) depends on the upper left quarter, and class 2 (dog) on the pixel itself."""
    spec = replace(
        find("pet_unet"), key="own_unet", title="Own U-Net", options=tuple(BUNDLED_OPTIONS.items()),
        input_size=(128, 128), weights="own_unet.safetensors", scaling="unit",
    )  # fmt: skip
    (tmp_path / spec.weights).touch()
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(models, "MODELS", (*(row for row in models.MODELS if row.builder != "Unet"), spec))
    monkeypatch.setattr(models, "_load_row", lambda spec, device: SemanticSegmenter(spec, corner_unet(), "cpu", 32))


def open_explain(photo: Photo = PHOTO, **link: str):
    return driver.open_view("segmentation", "Explain", photo, {"explain_opacity": "100", **link})


def light_in(heat: np.ndarray, part: tuple[slice, slice]) -> float:
    light = heat.astype(float).sum(axis=2)
    light -= light.min()
    return float(light[part].sum() / light.sum())


def brightest(app) -> tuple[int, ...]:
    """Return row and column of the brightest pixel of the heatmap."""
    light = picture(app, "explain_heat")[1].astype(float).sum(axis=2)
    return tuple(int(at) for at in np.unravel_index(light.argmax(), light.shape))


def test_a_pixel_is_explained_by_the_corner_that_its_class_depends_on():
    app = open_explain()
    data, heat = picture(app, "explain_heat")
    assert light_in(heat, DARK) > 0.7
    assert data["marks"], "the pixel itself"
    assert "cat" in written(app)
    assert "Level 1/32 carries it most" in written(app)


def test_a_tap_and_the_numbers_choose_another_pixel():
    app = open_explain(explain_level="1/4")
    fire(app, "explain_photo", "point", {"row": 110, "column": 160})
    assert_fine(app)
    assert app.number_input(key="explain_row").value == 110
    assert "Row 110, column 160: **dog" in written(app)
    assert "Level 1/4 carries it most" in written(app)
    assert brightest(app) == pytest.approx((110, 160), abs=4)
    app.number_input(key="explain_row").set_value(5).run()
    app.number_input(key="explain_column").set_value(7).run()
    assert_fine(app)
    assert "Row 5, column 7: **cat" in written(app)


def test_a_region_is_chosen_from_the_list_or_by_a_tap():
    app = open_explain(explain_kind="A region")
    assert "A region of 91.7% of the photo: **cat" in written(app)
    assert EXPLAIN_PIXEL in written(app)
    app.selectbox(key="explain_region").select_index(1).run()
    assert_fine(app)
    assert "A region of 8.3% of the photo: **dog" in written(app)
    fire(app, "explain_photo", "point", {"row": 2, "column": 2})
    assert "A region of 91.7%" in written(app)
    assert app.selectbox(key="explain_region").value == 0
    assert component(app, "explain_photo")["marks"] == []


def test_another_class_than_the_predicted_one_can_be_explained():
    app = open_explain(explain_level="1/4", explain_row="5", explain_column="7")
    app.selectbox(key="explain_class").select("dog").run()
    assert_fine(app)
    assert "Row 5, column 7: **dog" in written(app)
    assert brightest(app) == pytest.approx((5, 7), abs=4)


def test_another_photo_forgets_the_pixel_and_stops_the_run():
    app = open_explain(explain_row="120", explain_column="190")
    app.select_slider(key="explain_masks").set_value(2000).run()
    app.button(key="explain_run").click().run()
    (job,) = app.session_state["explain_jobs"].values()
    other = driver.open_view(
        "segmentation", "Explain", photo_of("other"),
        **{key: app.session_state[key] for key in ("explain_jobs", "explain_spot_of", "explain_row", "explain_column")},
    )  # fmt: skip
    assert other.number_input(key="explain_row").value is None
    assert job.wait(60)
    assert job.state == "stopped"


def test_a_linked_pixel_is_kept_after_a_visit_to_page_6():
    link = {"explain_row": "5", "explain_column": "7"}
    app = driver.open_view("segmentation", "Explain", PHOTO, link, explain_where=(PHOTO.key, "yolo11n", 640))
    assert "Row 5, column 7: **" in written(app)


def test_a_link_with_a_pixel_beyond_the_photo_or_a_level_that_is_missing_is_mended():
    app = open_explain(explain_row="9999", explain_column="-3", explain_level="1/3", explain_class="unicorn")
    assert_fine(app)
    assert "Row " in written(app)


def test_an_object_of_an_instance_network_is_explained(monkeypatch):
    monkeypatch.setattr(models, "_load_row", _REAL_LOADER)
    monkeypatch.setattr(curve_charts, "PATIENCE", np.inf)  # on a slow machine, the curves wait for a click
    photo = next(sample for sample in sample_photos() if sample.key == "chelsea").load(max_side=320)
    app = driver.open_view("segmentation", "Explain", photo, {"explain_kind": "An object"})
    assert component(app, "explain_photo")["boxes"][0]["label"].startswith("cat")
    assert "Mask: the pixels" in component(app, "explain_heat")["caption"]
    assert "mask probability" in str([chart.proto.spec for chart in app.get("plotly_chart")])
    app.segmented_control(key="explain_part").set_value("class").run()
    assert_fine(app)
    assert "Class score: the pixels" in component(app, "explain_heat")["caption"]


def test_an_object_without_a_mask_gets_one_sentence(monkeypatch):
    monkeypatch.setattr(models, "_load_row", _REAL_LOADER)
    monkeypatch.setattr(YoloMaskProbe, "_mixture", lambda self, raw: -np.ones(raw.prototypes.shape[1:], np.float32))
    photo = next(sample for sample in sample_photos() if sample.key == "chelsea").load(max_side=320)
    app = driver.open_view("segmentation", "Explain", photo, {"explain_kind": "An object"})
    assert [each.value for each in app.info] == [
        "The mask of this object is empty: explain its class score or its box."
    ]
    assert component(app, "explain_photo")["boxes"][0]["label"].startswith("cat")


def test_a_frame_is_left_out_only_for_levels_that_reach_the_whole_photo():
    """At a corner, a field may be larger than the photo and still miss a part of it."""
    height, width = 128, 400
    photo = Photo(np.full((height, width, 3), 20, np.uint8), "wide.jpg", "digest-wide")
    app = open_explain(photo, explain_row="0", explain_column="0", explain_level="1/16")
    segmenter = models.load_segmenter("own_unet")
    fields = pixel_fields(segmenter.spec, segmenter.frame(photo.size), 0, 0)
    beyond = {level for level, (x1, y1, x2, y2) in fields.items() if x2 - x1 >= width and y2 - y1 >= height}
    missing = {level for level, (_, _, x2, y2) in fields.items() if x2 < width or y2 < height}
    assert beyond & missing == {"encoder 1/16"}
    shown = {f"encoder {box['label']}" for box in component(app, "explain_field")["boxes"]}
    assert shown == missing
    assert "Frame: the receptive field through this level." in component(app, "explain_heat")["caption"]
