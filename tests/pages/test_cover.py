"""Cover it, on pages 4 to 6: the page shows the predictions for the photo as it was changed."""

import re
from html import unescape

import driver
import numpy as np
import pytest
from driver import assert_fine, component, draw, html, written

from cnn_demo.drawing.edits import Edit
from cnn_demo.drawing.shapes import ERASER, Shape, box_shape
from cnn_demo.images import sample_photos
from cnn_demo.lessons import detection_experiments, localization_experiments
from cnn_demo.lessons.leads import COVER_IT
from cnn_demo.lessons.pretrained_experiments import EXPERIMENTS
from cnn_demo.models import find, load
from cnn_demo.models.detection.candidates import select
from cnn_demo.models.detection.changes import detection_changes
from cnn_demo.results import percent
from cnn_demo.ui.page.experiments import link_name
from cnn_demo.ui.pretrained.cover import DRAWN_SIDE
from cnn_demo.ui.widgets.change_bars import changed_classes
from cnn_demo.ui.widgets.cover import surface

PHOTO = next(sample for sample in sample_photos() if sample.key == "motorcycle").load()
DRAWN = surface.working_photo(PHOTO, DRAWN_SIDE, square=True)
STROKE = Shape("stroke", 0, ((100.0, 300.0), (300.0, 320.0)), 90.0)
BOX = box_shape(np.array([200.0, 100.0, 400.0, 300.0]))
CLASSIFIER = {"cover_models": "CIFAR-10 residual network"}


def open_classifier(link=None, **state):
    return driver.open_view("pretrained", "Cover it", PHOTO, CLASSIFIER | (link or {}), **state)


def figures(app) -> list[tuple[str, str, str]]:
    """Class and probabilities before and after of each row of the bars."""
    return [
        tuple(unescape(re.sub("<.*?>", "", cell)) for cell in cells)
        for cells in re.findall(r'(<th scope="row".*?</th>)<td.*?</td>(<td.*?</td>)(<td.*?</td>)', html(app))
    ]


def expected(edit: Edit) -> list[tuple[str, str, str]]:
    model = load("cifar10_cnn")
    square = surface.central_square(PHOTO.pixels)
    before = model.predict(PHOTO.pixels).probabilities  # as in *Classify*
    now = model.predict(edit.of(square, DRAWN.size)).probabilities
    rows = changed_classes(before, now)
    return [(model.labels[i], percent(float(before[i])), percent(float(now[i]))) for i in rows]


def test_predictions_follow_each_stroke():
    app = open_classifier()
    assert figures(app) == expected(Edit())
    assert COVER_IT in written(app)
    assert all(before == now for _, before, now in figures(app))
    draw(app, surface.CANVAS, [STROKE])
    assert_fine(app)
    assert figures(app) == expected(Edit((STROKE,)))
    wiped = Shape("stroke", ERASER, STROKE.points[:1], 60.0)
    draw(app, surface.CANVAS, [STROKE, wiped])
    assert figures(app) == expected(Edit((STROKE, wiped)))
    for fill in ("Blur", "Inpaint"):
        app.button_group(key=surface.FILL).set_value(fill.lower()).run()
        assert figures(app) == expected(Edit((STROKE, wiped), fill.lower()))
    assert len(component(app, "cover_trail")["items"]) == 5


@pytest.mark.parametrize("change", ["colour", "shape", "texture"])
def test_colour_shape_or_texture_is_removed(change):
    app = open_classifier({surface.CHANGE: change.capitalize()})
    assert figures(app) == expected(Edit(change=change))
    for key, value in ((surface.PATCHES, 7), (surface.SMOOTHING, 3)):
        if (key, change) in ((surface.PATCHES, "shape"), (surface.SMOOTHING, "texture")):
            app.slider(key=key).set_value(value).run()
            assert figures(app) == expected(Edit(change=change, patches=7, smoothing=3))
    draw(app, surface.CANVAS, [BOX])
    assert_fine(app)
    assert figures(app) == expected(Edit((BOX,), change=change, patches=7, smoothing=3))


def test_the_trail_leads_back_and_on():
    app = open_classifier()
    states = [figures(app)]
    draw(app, surface.CANVAS, [STROKE])
    states.append(figures(app))
    draw(app, surface.CANVAS, [STROKE, BOX])
    states.append(figures(app))
    app.button_group(key=surface.CHANGE).set_value("colour").run()
    states.append(figures(app))
    for step in (1, 3, 0, 2):
        driver.fire(app, "cover_trail", "pick", step)
        assert_fine(app)
        assert figures(app) == states[step]
        trail = component(app, "cover_trail")
        assert trail["chosen"] == step
        assert len(trail["items"]) == 4
    assert [shape["kind"] for shape in component(app, surface.CANVAS)["shapes"]] == ["stroke", "box"]
    driver.fire(app, "cover_trail", "pick", 1)
    draw(app, surface.CANVAS, [STROKE, STROKE])  # from here, another way: the later steps are dropped
    assert len(component(app, "cover_trail")["items"]) == 3
    driver.fire(app, "cover_trail", "pick", 99)
    assert_fine(app)


def test_boxes_and_the_change_are_in_the_link_and_strokes_are_not():
    app = open_classifier()
    draw(app, surface.CANVAS, [BOX, STROKE])
    app.button_group(key=surface.FILL).set_value("blur").run()
    app.button_group(key=surface.CHANGE).set_value("texture").run()
    assert "brush strokes are not" in written(app)
    link = {surface.LINK: app.query_params[surface.LINK], surface.FILL: "Blur", surface.CHANGE: "Texture"}
    friend = open_classifier(link)
    assert_fine(friend)
    assert figures(friend) == expected(Edit((BOX,), "blur", "texture"))
    draw(app, surface.CANVAS, [BOX])
    assert figures(app) == figures(friend)


def test_without_a_network_there_is_a_sentence():
    app = open_classifier()
    app.multiselect(key="cover_models").set_value([]).run()
    assert_fine(app)
    assert [each.value for each in app.info] == ["Choose at least one model."]


TWO_PEOPLE = next(sample for sample in sample_photos() if sample.key == "zidane").load()


def test_boxes_of_a_detector_are_kept_lost_and_new():
    small = surface.working_photo(TWO_PEOPLE, 640)
    detector = load("everyday_detector")
    before = detector.predict(TWO_PEOPLE.pixels)  # as in *Detect*
    assert len(before) >= 2
    app = driver.open_view("detection", "Cover it", TWO_PEOPLE)
    assert f"**{len(before)} boxes** on the untouched photo." in written(app)
    hidden = box_shape(before.xyxy[0] / 2)  # drawn on half of the photo's 1,280 pixels
    draw(app, surface.CANVAS, [hidden])
    assert_fine(app)
    now = detector.predict(Edit((hidden,)).of(TWO_PEOPLE.pixels, small.size))
    changes = detection_changes(before, now)
    assert 0 in changes.lost
    labels = [box["label"].split(":")[0] for box in component(app, "cover_boxes_now")["boxes"]]
    assert labels.count("lost") == len(changes.lost)
    assert labels.count("new") == len(changes.new)
    assert len(labels) == len(changes.lost) + len(changes.new) + len(changes.kept)
    assert f"**{len(changes.kept)} kept**, **{len(changes.lost)} lost**" in written(app)
    rows = figures(app)
    for i, j in changes.kept:
        score = float(now.confidence[j])
        assert (now.data["class_name"][j], percent(float(before.confidence[i])), percent(score)) in rows
    assert sum("lost" in label for label, _, _ in rows) == len(changes.lost)


def test_a_larger_image_size_keeps_the_drawing():
    drawn = box_shape(np.array([320.0, 20.0, 640.0, 350.0]))
    app = driver.open_view("detection", "Cover it", TWO_PEOPLE)
    draw(app, surface.CANVAS, [drawn])
    assert "Of 2 boxes" in written(app)
    app.selectbox(key="detect_side").set_value(960).run()
    assert_fine(app)
    assert [shape["kind"] for shape in component(app, surface.CANVAS)["shapes"]] == ["box"]
    assert len(component(app, "cover_trail")["items"]) == 2
    small = surface.working_photo(TWO_PEOPLE, 640)
    now = load("everyday_detector").candidates(Edit((drawn,)).of(TWO_PEOPLE.pixels, small.size), 960)
    boxes = component(app, "cover_boxes_now")
    assert (boxes["height"], boxes["width"]) == TWO_PEOPLE.size
    best = select(now, find("everyday_detector").threshold).detections()
    kept = [box["corners"] for box in boxes["boxes"] if not box["label"].startswith("lost")]
    np.testing.assert_allclose(sorted(kept), sorted(best.xyxy.tolist()), atol=0.06)


def test_class_and_box_of_a_localizer_follow():
    photo = next(sample for sample in sample_photos() if sample.key == "motorcycle").load()
    small = surface.working_photo(photo, 640)
    assert max(photo.size) > 640
    localizer = load("everyday_localizer")
    before = localizer.predict(photo.pixels)  # as in *Localize*
    assert before.box_xyxy is not None
    app = driver.open_view("localization", "Cover it", photo)
    assert f"**“{before.label}”** ({percent(before.probability)}) on the untouched photo." in written(app)
    assert COVER_IT in written(app)
    left, top, right, bottom = before.box_xyxy
    scale = max(small.size) / max(photo.size)
    half = box_shape(scale * np.array([left, top, (left + right) / 2, bottom]))
    draw(app, surface.CANVAS, [half])
    assert_fine(app)
    now = localizer.predict(Edit((half,)).of(photo.pixels, small.size))
    boxes = component(app, "cover_box_now")["boxes"]
    wanted = [each.box_xyxy for each in (before, now) if each.box_xyxy is not None]
    np.testing.assert_allclose([box["corners"] for box in boxes], wanted, atol=0.06)
    index = int(before.probabilities.argmax())
    was, value = (percent(float(each.probabilities[index])) for each in (before, now))
    assert figures(app)[0] == (now.labels[index], was, value)


def experiment_shown(title: str, page: str = driver.PAGE_4, experiments=EXPERIMENTS):
    """The experiment, opened by its link, and the rows of its bars by class."""
    experiment = next(each for each in experiments if each.title == title)
    app = driver.open_app(page, link={"try": link_name(experiment)})
    assert_fine(app)
    assert any(experiment.notice in each.value for each in app.info)
    return app, {label: [round(float(each.strip("<%"))) for each in values] for label, *values in figures(app)}


def test_an_espresso_without_coffee():
    """82% instead of 94%, and 53% with grey, as the notice says."""
    app, rows = experiment_shown("An espresso without coffee")
    assert [shape["kind"] for shape in component(app, surface.CANVAS)["shapes"]] == ["box"]
    assert next(iter(rows)) == "espresso"
    assert rows["espresso"] == [94, 82]
    app.button_group(key=surface.FILL).set_value("grey").run()
    assert round(float(figures(app)[0][2].rstrip("%"))) == 53
    assert app.info  # the notice invites to it


def test_a_cat_in_pieces():
    """88% instead of 37% in 16 patches, and "fur coat" in 64."""
    app, rows = experiment_shown("A cat in pieces")
    assert rows["Egyptian cat"] == [37, 88]
    app.slider(key=surface.PATCHES).set_value(8).run()
    assert "predicts “fur coat”" in written(app)


def test_a_cat_in_pieces_and_its_box():
    """Still a cat, with 99% and an IoU of 0.48 in 16 patches; nothing in 64."""
    app, rows = experiment_shown("A cat in pieces, and its box", driver.PAGE_5, localization_experiments.EXPERIMENTS)
    assert rows["cat"][1] == 99
    assert "“cat”. IoU of its box with the box before: **0.48**." in written(app)
    app.slider(key=surface.PATCHES).set_value(8).run()
    assert "“cat” is lost: **no object** now." in written(app)


def test_two_buses_from_one():
    app, _ = experiment_shown("Two buses from one", driver.PAGE_6, detection_experiments.EXPERIMENTS)
    for patches, buses in ((2, 2), (4, 0)):
        app.slider(key=surface.PATCHES).set_value(patches).run()
        labels = [box["label"] for box in component(app, "cover_boxes_now")["boxes"] if "lost" not in box["label"]]
        assert sum("bus" in label for label in labels) == buses


def test_an_experiment_removes_the_drawing_and_undo_brings_it_back():
    app = driver.open_app(driver.PAGE_4, link={"task": "Cover it", "photo": "chelsea"})
    drawn = box_shape(np.array([30.0, 30, 120, 90]))
    draw(app, surface.CANVAS, [drawn, Shape("stroke", 0, ((20.0, 200.0), (90.0, 220.0)), 40.0)])
    before = figures(app)
    app.selectbox(key="try_this").set_value("A cat in pieces").run()
    assert_fine(app)
    assert component(app, surface.CANVAS)["shapes"] == []
    app.button(key="undo_experiment").click().run()
    assert_fine(app)
    assert [shape["kind"] for shape in component(app, surface.CANVAS)["shapes"]] == ["box", "stroke"]
    assert figures(app) == before
