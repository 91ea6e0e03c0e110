"""Page 1, "Learn a kernel": targets, the descent, its end, its sentences, and its link."""

import base64
import io
from dataclasses import replace
from functools import partial

import driver
import numpy as np
import pytest
from driver import PAGE_1, assert_fine, component, html, written
from PIL import Image

from cnn_demo.convolution import convolve, kernel
from cnn_demo.convolution.hidden_kernels import hidden_kernel
from cnn_demo.convolution.kernel_learning import descend, fit_bowl, start_weights
from cnn_demo.drawing.pictures import png_bytes
from cnn_demo.images import Photo
from cnn_demo.ui.convolution.learn_settings import DEFAULTS

NOISE = Photo(np.random.default_rng(6).integers(0, 256, (48, 60, 3), dtype=np.uint8), "Noise", "digest-of-noise")
GREY = (NOISE.pixels.astype(np.float32) / 255).mean(axis=2)
LINK = {"view": "Learn a kernel"}
LEARNED = LINK | {"learned": "yes"}

open_page = partial(driver.open_page, PAGE_1, NOISE)


def films(app) -> dict[str, np.ndarray]:
    """The frames of each film by its title, (frames, h, w, 3)."""
    found = {}
    for film in component(app, "learn_book")["films"]:
        with Image.open(io.BytesIO(base64.b64decode(film["sprite"].partition(",")[2]))) as image:
            pixels = np.asarray(image.convert("RGB"))
        found[film["title"]] = pixels.reshape(film["frames"], film["height"], film["width"], 3)
    return found


def test_learn_finds_the_hidden_kernel():
    app = open_page(link=LINK)
    before = films(app)
    assert {title: len(frames) for title, frames in before.items()} == {
        "Learned kernel": 1,
        "Its picture": 1,
        "Kernel to find": 1,
        "Target": 1,
    }
    assert component(app, "learn_book")["charts"] == []
    assert "learned" not in app.query_params
    app.button(key="learn").click().run()
    assert_fine(app)
    book, frames = component(app, "learn_book"), films(app)
    assert app.query_params["learned"] == "yes"
    assert book["play"] == 1
    hidden = hidden_kernel(DEFAULTS["learn_seed"], 3)
    bowl = fit_bowl(GREY, convolve(GREY, hidden.weights), 3)
    trail = descend(bowl, start_weights(3, seed=0), rate=0.1, steps=3000, momentum=0.9)
    assert book["steps"] == list(trail.steps)
    (loss,) = book["charts"][0]["lines"]
    np.testing.assert_allclose(loss["values"], np.maximum(trail.losses, 1e-16), rtol=1e-3, atol=1e-18)
    assert len(frames["Learned kernel"]) == len(frames["Its picture"]) == len(trail.steps)
    np.testing.assert_array_equal(frames["Learned kernel"][0], before["Learned kernel"][0])
    np.testing.assert_array_equal(frames["Learned kernel"][-1], frames["Least squares"][0])
    first, last = (frames["Its picture"][at].astype(int) - frames["Target"][0] for at in (0, -1))
    assert np.abs(last).mean() < 8  # two JPEGs of noise
    assert np.abs(first).mean() > 16
    assert "Hidden kernel" not in html(app)
    app.toggle(key="learn_reveal").set_value(True).run()
    assert_fine(app)
    assert component(app, "learn_book")["play"] == 0  # only Learn plays it
    assert "Hidden kernel" in html(app)
    assert "Sobel edges" in html(app)


def test_another_hidden_kernel_waits_for_learn_again():
    app = open_page(link=LEARNED | {"learn_reveal": "true"})
    assert "Sobel edges" in html(app)
    app.number_input(key="learn_seed").set_value(2).run()
    assert_fine(app)
    assert "Kernel to find" in films(app)
    assert "learned" not in app.query_params
    app.button(key="learn").click().run()
    assert not app.toggle(key="learn_reveal").value


@pytest.mark.parametrize(
    ("kernel_link", "weights", "size"),
    [
        ({"kernel": "Emboss"}, kernel("emboss"), "3 × 3"),
        ({"kernel": "Emboss", "flip": "true"}, kernel("emboss")[::-1, ::-1], "5 × 5"),
        ({"kernel": "Box blur", "box_size": "4"}, kernel("box", size=4), "5 × 5"),
        ({"kernel": "Custom kernel", "cells": "1 2; 3 4"}, np.array([[1, 2], [3, 4]]), "3 × 3"),
    ],
)
def test_the_kernel_of_the_page_is_learned(kernel_link, weights, size):
    app = open_page(link=LEARNED | kernel_link | {"learn_target": "Your kernel", "learn_size": size})
    assert "Your kernel" in html(app)
    side = int(size[0])
    expected = np.zeros((side, side))
    top, left = ((side - 1) // 2 - (length - 1) // 2 for length in weights.shape)
    expected[top : top + weights.shape[0], left : left + weights.shape[1]] = weights
    bowl = fit_bowl(GREY, convolve(GREY, weights), side, border=max(weights.shape) // 2)
    np.testing.assert_allclose(bowl.best.reshape(side, side), expected, atol=1e-4)
    assert component(app, "learn_book")["charts"][0]["lines"][0]["values"][-1] < 1e-5


def test_a_larger_kernel_of_the_page_leaves_a_loss():
    app = open_page(link=LEARNED | {"learn_target": "Your kernel"})  # a Gaussian of 9 × 9
    assert "9 × 9 weights, and 3 × 3 cannot copy it" in written(app)
    assert [line["name"] for line in component(app, "learn_book")["charts"][0]["lines"]] == ["learned", "least squares"]


def test_a_picture_of_the_visitor_is_the_target():
    app = open_page(link=LINK | {"learn_target": "Your picture"})
    assert "Upload the photo after a filter" in app.info[-1].value
    weights = (kernel("identity") + kernel("box")) / 2
    values = convolve(NOISE.pixels.astype(np.float32) / 255, weights)
    png = png_bytes(np.clip(np.rint(values * 255), 0, 255).astype(np.uint8))
    app.file_uploader[-1].set_value(("filtered.png", png, "image/png")).run()
    app.button(key="learn").click().run()
    assert_fine(app)
    assert "Target: filtered.png" in written(app)
    kernel_frame = films(app)["Learned kernel"][-1]
    assert kernel_frame[24, 24].tolist() == [178, 24, 43]  # the middle has the largest weight
    assert component(app, "learn_book")["charts"][0]["lines"][0]["values"][-1] < 2e-5  # rounded to grey levels
    app.file_uploader[-1].set_value(("broken.png", png[:90], "image/png")).run()
    assert_fine(app, errors=1)
    np.testing.assert_array_equal(films(app)["Learned kernel"][-1], kernel_frame)  # the last good one is still there


def test_a_picture_of_other_proportions_is_refused_in_one_sentence():
    wide = replace(NOISE, pixels=NOISE.pixels[:20])
    app = open_page(link=LINK | {"learn_target": "Your picture"}, errors=1, learn_picture=wide)
    assert app.error[0].value.startswith("Your picture has 60 × 20 pixels, the photo 60 × 48: ")


def test_a_picture_of_the_same_proportions_is_resized():
    twice = NOISE.pixels.repeat(2, axis=0).repeat(2, axis=1)
    app = open_page(link=LEARNED | {"learn_target": "Your picture"}, learn_picture=replace(NOISE, pixels=twice))
    assert component(app, "learn_book")["charts"][0]["lines"][0]["values"][-1] < 1e-6  # it is the photo itself


@pytest.mark.parametrize("momentum", ["0", "0.9"])
def test_a_learning_rate_that_is_too_high_is_explained(momentum):
    app = open_page(link=LEARNED | {"learn_rate": "1.0", "learn_momentum": momentum})
    limit = fit_bowl(GREY, convolve(GREY, kernel("box")), 3).largest_stable_rate(float(momentum))
    (warning,) = app.warning
    assert warning.value.startswith("**The loss diverges**")
    written_limit = float(warning.value.partition("at most ")[2].split(",")[0])
    assert 0.9 * limit < written_limit <= limit
    app.select_slider(key="learn_rate").set_value(0.05).run()
    assert_fine(app)
    assert not app.warning


def test_noise_is_explained_and_keeps_the_loss_up():
    app = open_page(link=LEARNED)
    app.slider(key="learn_noise").set_value(0.1).run()
    assert_fine(app)
    assert "**Noise**: its variance is 0.1² = 0.01." in written(app)
    values = component(app, "learn_book")["charts"][0]["lines"][0]["values"]
    assert values[-1] == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((30, 30, 3), np.uint8),
        np.full((8, 900, 3), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8),
    ],
    ids=["one pixel", "black", "white and flat", "tiny"],
)
@pytest.mark.parametrize("target", ["Hidden kernel", "Your kernel", "Your picture"])
def test_odd_photos_end_in_a_picture_or_one_sentence(pixels, target):
    photo = Photo(pixels, "odd", f"digest-of-{pixels.shape}")
    link = LEARNED | {"learn_target": target, "learn_bias": "true", "learn_size": "5 × 5"}
    app = driver.open_page(PAGE_1, photo, link, learn_picture=photo)
    assert "learn_book" in str(app.main) or "too small" in app.info[-1].value


def test_the_settings_survive_another_tab_and_are_in_the_link():
    app = open_page(link=LINK)
    app.select_slider(key="learn_rate").set_value(0.02).run()
    app.slider(key="learn_noise").set_value(0.05).run()
    app.button(key="learn").click().run()
    app.session_state["view"] = "Code"
    app.run()
    app.session_state["view"] = "Learn a kernel"
    assert_fine(app.run())
    assert app.select_slider(key="learn_rate").value == 0.02
    friend = open_page(link=dict(app.query_params))
    assert friend.slider(key="learn_noise").value == 0.05
    assert component(friend, "learn_book")["charts"] == component(app, "learn_book")["charts"]
