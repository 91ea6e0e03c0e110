"""Page 2's settings, lesson and measurements, without a page."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnn_demo.convolution.stack import ConvLayer, PoolLayer, plan_stack
from cnn_demo.convolution.stack_text import format_stack, parse_stack
from cnn_demo.images import Photo, sample_photos
from cnn_demo.lessons.layers import LESSON, MISCONCEPTIONS
from cnn_demo.ui.layers import controls
from cnn_demo.ui.layers.invariance_measures import DISTORTIONS, POOLINGS, Question, curves, total_stride, with_pooling
from cnn_demo.ui.layers.maps import WORKING_SIDE, map_pictures, map_titles, tile_url, working_image
from cnn_demo.ui.layers.pooled import strided_kernel
from cnn_demo.ui.layers.pooling import gradient_colours
from cnn_demo.ui.layers.settings import DEFAULTS, PRESETS, VIEWS, read_layer, read_stack, write_stack

ROOT = Path(__file__).resolve().parents[4]
DRAW = np.random.default_rng(8)
NOISE = Photo(DRAW.integers(0, 256, (60, 80, 3), dtype=np.uint8), "noise", "digest-of-measured-noise")
EVEN = Photo(np.full((40, 50, 3), 120, np.uint8), "even", "digest-of-even")
PHOTOS = {
    "random": DRAW.random((48, 64, 3), dtype=np.float32),
    "tiny": DRAW.random((20, 30, 3), dtype=np.float32),
    "one pixel": np.full((1, 1, 3), 0.3, np.float32),
    "one row": DRAW.random((1, 300, 3), dtype=np.float32),
    "constant": np.full((40, 50, 3), 0.5, np.float32),
    "black": np.zeros((40, 50, 3), np.float32),
}
each_item = pytest.mark.parametrize("item", MISCONCEPTIONS, ids=lambda item: item.claim)

# Settings ---------------------------------------------------------------------------------------------------------


def test_text_that_is_no_stack_leaves_the_default():
    layers, wrong = read_stack({"stack": "pmax.2.2_oops"})
    assert format_stack(layers) == DEFAULTS["stack"]
    assert wrong.startswith("Please change layer 2")
    assert read_stack({}) == (parse_stack(DEFAULTS["stack"]), "")


def test_writing_keeps_a_layer_open():
    state = {}
    write_stack(state, (PoolLayer(), ConvLayer()), 9)
    assert state == {"stack": "pmax.2.2_c8.3.1.same.1.relu.hand", "layer": 2}
    assert read_layer({"layer": 6}, 2) == 2
    assert read_layer({}, 2) == 1


@pytest.mark.parametrize(("reported", "kept"), [("pmax.2.2", "pmax.3.2"), ("pmax.4.4", "pmax.4.4")])
def test_only_an_edited_text_replaces_the_stack(monkeypatch, reported, kept):
    # A browser reports every field's value with each move of a slider, also that of the stack before the move.
    state = {"stack": "pmax.3.2", "field": reported}
    monkeypatch.setattr(controls.st, "session_state", state)
    controls._take_text("field", "pmax.2.2")
    assert state["stack"] == kept


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_stack_fits_a_photo_and_is_in_canonical_form(name):
    layers = parse_stack(PRESETS[name])
    assert format_stack(layers) == PRESETS[name]
    plan = plan_stack((171, 256), layers)
    assert plan.problem == ""
    assert len(plan.layers) == len(layers)


# Maps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 1280), (1280, 1), (300, 451), (720, 1280), (256, 256)])
def test_the_working_image_keeps_the_photos_shape(shape):
    photo = Photo(DRAW.integers(0, 256, (*shape, 3), dtype=np.uint8), "p", f"digest-{shape}")
    image = working_image(photo)
    assert max(image.shape[:2]) == min(max(shape), WORKING_SIDE)
    assert image.dtype == np.float32
    assert not image.flags.writeable
    if min(image.shape[:2]) > 5:
        assert image.shape[1] / image.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.02)


def test_maps_on_one_scale_keep_their_order_and_each_alone_is_bright():
    maps = np.zeros((8, 9, 2), np.float32)
    maps[..., 0], maps[..., 1] = np.linspace(0, 1, 72).reshape(8, 9), np.linspace(0, 0.1, 72).reshape(8, 9)
    alone, together = map_pictures(maps, False), map_pictures(maps, True)
    assert [picture.shape for picture in (*alone, *together)] == [(8, 9)] * 4
    assert alone[0].max() == alone[1].max() == 255
    assert together[1].max() < 30
    signed = map_pictures(-maps, True)
    assert signed[0].shape == (8, 9, 3)
    assert tile_url(alone[0]).startswith("data:image/jpeg")


def test_maps_are_named_after_their_filter():
    hand = (ConvLayer(8), PoolLayer())
    assert map_titles(hand, 8)[:2] == ["1 · edge 0°", "2 · edge 90°"]
    assert map_titles((ConvLayer(8, source="random"),), 8)[0] == "1"
    assert map_titles((PoolLayer(),), 3) == ["red", "green", "blue"]


def test_colours_of_the_gradient():
    grey, gradient = np.full((1, 4), 0.5), np.array([[0.0, 1.0, -1.0, 0.25]])
    colours = gradient_colours(grey, gradient)[0]
    assert colours[0].tolist() == [100, 100, 100]
    assert colours[1].tolist() == [255, 140, 0]
    assert colours[2].tolist() == [60, 130, 255]
    assert colours[0, 0] < colours[3, 0] < colours[1, 0]


@pytest.mark.parametrize("size", range(1, 9))
def test_kernels_of_the_strided_convolution(size):
    assert strided_kernel("skip", size).sum() == strided_kernel("skip", size)[0, 0] == 1
    assert strided_kernel("gaussian", size).sum() == pytest.approx(1)
    assert strided_kernel("random", size).shape == (size, size)


# Measurements -----------------------------------------------------------------------------------------------------


def test_every_pooling_is_exchanged():
    layers = parse_stack("c4.3.2.same.1.relu.hand_pmax.3.2_pmin.global")
    assert format_stack(with_pooling(layers, "none")) == "c4.3.2.same.1.relu.hand_pmin.global"
    assert format_stack(with_pooling(layers, "average")) == "c4.3.2.same.1.relu.hand_paverage.3.2_paverage.global"
    assert format_stack(with_pooling(layers, "blur")) == "c4.3.2.same.1.relu.hand_pblur.3.2_pmin.global"
    assert [total_stride(layers, kind) for kind in POOLINGS] == [2, 4, 4, 4, 4, 4]


@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_curves_contain_the_requested_measurements(distortion):
    table, limit = curves(NOISE, Question.one_layer(distortion, "hand", 2, 2))
    assert limit == DISTORTIONS[distortion].maximum
    assert set(table["pooling"]) == set(POOLINGS)
    assert sorted(set(table["amount"])) == sorted(DISTORTIONS[distortion].amounts)
    still = table[table["amount"] == 0]
    assert (still["change"] == 0).all()
    np.testing.assert_allclose(still["cosine"], 1, atol=1e-6)
    assert (table[table["amount"] != 0]["change"] > 0.05).all()
    assert ("moved" in table) == (distortion == "shift")


def test_the_zigzag_of_aliasing():
    """Maps move along with shifts by multiples of the stride; between them the stride aliases, blurred least."""
    table, _ = curves(sample_photos()[5].load(), Question.one_layer("shift", "hand", 2, 2))
    moved = table.pivot(index="amount", columns="pooling", values="moved")
    assert (moved["none"] < 1e-5).all()
    assert (moved.loc[::2] < 1e-5).all().all()
    odd = moved.loc[1::2]
    assert (odd["skip"] > odd["max"]).all()
    assert (odd["max"] > odd["average"]).all()
    assert (odd["average"] > 2 * odd["blur"]).all()
    assert (odd["skip"] > 3 * odd["smooth"]).all()


def test_the_experiment_on_noise_states_the_measured_result():
    for sample in sample_photos()[:7]:
        table, _ = curves(sample.load(), Question.one_layer("noise", "hand", 2, 2))
        change = table.pivot(index="amount", columns="pooling", values="change")
        assert set(change.loc[0.2].nsmallest(2).index) == {"average", "smooth"}
        assert change.loc[0.5, "max"] > change.loc[0.5, "none"]


def test_a_narrow_photo_is_moved_less_and_a_line_not_at_all():
    narrow = Photo(DRAW.integers(0, 256, (30, 14, 3), dtype=np.uint8), "n", "digest-narrow")
    table, limit = curves(narrow, Question.one_layer("shift", "hand", 2, 2))
    assert limit == table["amount"].max() == 7
    line = Photo(np.full((30, 1, 3), 9, np.uint8), "l", "digest-line")
    with pytest.raises(ValueError, match="one pixel wide and cannot be shifted: choose"):
        curves(line, Question.one_layer("shift", "hand", 2, 2))
    with pytest.raises(ValueError, match="does not fit"):
        curves(line, Question.one_layer("noise", "hand", 2, 2))


def test_an_even_photo_has_no_change_to_measure():
    table, _ = curves(EVEN, Question.one_layer("shift", "hand", 2, 2))
    assert table["change"].isna().all()


# Teaching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("experiment", LESSON.experiments, ids=lambda e: e.title)
def test_an_experiments_stack_can_be_built(experiment):
    if "stack" in experiment.settings:
        assert plan_stack((171, 256), parse_stack(experiment.settings["stack"])).problem == ""


@each_item
def test_figures_are_measured_on_the_photo(item):
    assert item.correct(PHOTOS["random"]).text != item.correct(PHOTOS["black"]).text


def test_an_even_photo_has_a_note():
    assert [("so uniform" in item.correct(PHOTOS["constant"]).text) for item in MISCONCEPTIONS] == [1, 1, 1, 0, 0]
    assert not any("so uniform" in item.correct(PHOTOS["random"]).text for item in MISCONCEPTIONS)


# House ------------------------------------------------------------------------------------------------------------


def test_opening_page_2_loads_no_framework():
    program = f"""
import json, sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=200).run()
for view in {VIEWS!r}:
    app.session_state["tab"] = view
    app.switch_page("pages/2_Convolution_and_pooling_layers.py").run()
    assert not app.exception and app.selectbox
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"cnn_demo", "streamlit"} <= loaded
    assert not loaded & {"torch", "tensorflow", "keras", "torchvision", "ultralytics", "timm", "h5py", "supervision"}
