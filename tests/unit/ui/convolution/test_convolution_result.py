"""Page 1's computation, its captions, and clicks on its pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from cnn_demo.convolution import convolve, kernel
from cnn_demo.drawing.pictures import display_values
from cnn_demo.images import Photo
from cnn_demo.ui.convolution import result as module
from cnn_demo.ui.convolution.result import compute, display_caption, input_image, result_png, show_input, show_output
from cnn_demo.ui.convolution.settings import read_settings
from cnn_demo.ui.convolution.views import _sum, dropped_sentence

PHOTO = Photo(np.random.default_rng(4).integers(0, 256, (30, 40, 3), dtype=np.uint8), "noise.png", "digest-of-noise")


@pytest.fixture
def state(monkeypatch):
    """Session state as a plain dictionary."""
    plain = {}
    monkeypatch.setattr(module.st, "session_state", plain)
    return plain


@pytest.fixture
def pictures(monkeypatch, state):
    """The arguments of each picture by its key, instead of showing it."""
    shown = {}
    monkeypatch.setattr(
        module, "picture", lambda source, size, *, key, **rest: shown.update({key: rest | {"size": size}})
    )
    return shown


def run(pixel=(0, 0), channel=0, photo=PHOTO, **state):
    settings = read_settings(state)
    return settings, compute(photo, settings, pixel, channel)


def test_the_photo_is_scaled_to_0_to_1():
    image = input_image(PHOTO, grey=False)
    np.testing.assert_allclose(image, PHOTO.pixels / 255, atol=1e-6)
    np.testing.assert_allclose(input_image(PHOTO, grey=True), PHOTO.pixels.mean(axis=2) / 255, atol=1e-6)
    assert image.dtype == input_image(PHOTO, grey=True).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0] = 0


def test_photos_of_one_name_and_size_are_distinguished():
    changed = PHOTO.pixels.copy()
    changed[7, 7] ^= 255
    other = Photo(changed, PHOTO.name, "digest-of-another")
    assert not np.array_equal(input_image(PHOTO, False), input_image(other, False))


@pytest.mark.parametrize("grey", [False, True])
def test_the_opened_pixel_is_the_pixel_of_the_result(grey):
    settings, result = run((3, 5), 0 if grey else 2, kernel="sobel", grey=grey, bias=0.25, stride=2, mode="reflect")
    values = result.values if grey else result.values[..., 2]
    assert result.arithmetic.total == pytest.approx(float(values[3, 5]), abs=1e-5)
    assert result.arithmetic.bias == 0.25
    np.testing.assert_allclose(result.values, convolve(result.image, kernel("sobel"), settings.spec, 0.25), atol=1e-6)


def test_the_activation_comes_after_the_bias():
    _, plain = run(kernel="sobel", bias=-0.5)
    _, result = run(kernel="sobel", bias=-0.5, activation="relu")
    np.testing.assert_array_equal(result.values, np.maximum(plain.values, 0))
    assert result.arithmetic.total == plain.arithmetic.total


def test_the_download_is_the_picture_on_the_screen():
    settings, result = run(kernel="sobel", stride=3)
    with Image.open(io.BytesIO(result_png(settings, result))) as image:
        np.testing.assert_array_equal(np.asarray(image), display_values(result.values, "signed"))


@pytest.mark.parametrize(
    ("show", "start"),
    [
        ("clip", "Clip: 0 or less is black"),
        ("absolute", "Absolute value: The sign is dropped"),
        ("stretch", "Stretch: black is -"),
        ("signed", "Signed, red–blue: full colour is ±"),
    ],
)
def test_the_caption_explains_the_brightness(show, start):
    settings, result = run(kernel="sobel", show=show)
    caption = display_caption(settings, result)
    assert caption.startswith(start)
    assert caption.endswith(".")
    if show == "stretch":
        assert f"black is {result.values.min():.3g}, white {result.values.max():.3g}" in caption


def test_a_click_on_the_result_opens_that_pixel(pictures, state):
    settings, result = run(stride=2)
    show_output(PHOTO, settings, result)
    pictures["after"]["on_pick"](7, 11)
    assert state == {"row": 7, "column": 11, "view": "Look inside"}
    pictures["after"]["on_pick"](500, -3)
    assert (state["row"], state["column"]) == (14, 0)


@pytest.mark.parametrize("stride", [1, 2, 3, 8])
@pytest.mark.parametrize("padding", ["same", "valid", "explicit"])
@pytest.mark.parametrize("dilation", [1, 3])
def test_a_click_on_the_photo_opens_the_window_nearest_to_it(pictures, state, stride, padding, dilation):
    options = {"kernel": "box", "box_size": 3, "stride": stride, "padding": padding, "dilation": dilation, "pad": 5}
    settings, result = run((1, 1), **options)
    show_input(PHOTO, settings, result)
    for row, column in ((0, 0), (13, 22), (29, 39), (4, 37)):
        pictures["before"]["on_pick"](row, column)
        opened = state["row"], state["column"]
        _, there = run(opened, **options)
        height, width = result.values.shape[:2]
        assert 0 <= opened[0] < height
        assert 0 <= opened[1] < width
        for clicked, middle, index, count in (
            (row, there.arithmetic.rows.mean(), opened[0], height),
            (column, there.arithmetic.columns.mean(), opened[1], width),
        ):
            at_the_end = (index == 0 and clicked < middle) or (index == count - 1 and clicked > middle)
            assert abs(clicked - middle) <= stride / 2 or at_the_end


def test_the_frame_is_the_window_of_the_opened_pixel(pictures):
    settings, result = run((0, 10), kernel="box", box_size=5, dilation=2, stride=2)
    show_input(PHOTO, settings, result)
    (mark,) = pictures["before"]["marks"]
    rows, columns = result.arithmetic.rows, result.arithmetic.columns
    assert (mark.row, mark.column) == (rows[0], columns[0])
    assert (mark.height, mark.width) == (9, 9)
    assert mark.row < 0  # it reaches into the padding
    show_output(PHOTO, settings, result)
    (mark,) = pictures["after"]["marks"]
    assert (mark.row, mark.column, mark.height, mark.width) == (0, 10, 1, 1)


def arrow(shown: dict, rows: int, columns: int) -> tuple[int, int]:
    """The pixel that an arrow key picks, as picture.js reckons it."""
    (mark,), (height, width) = shown["marks"], shown["size"]
    row = mark.row + int(mark.height // 2) + rows * shown["step"][0]
    column = mark.column + int(mark.width // 2) + columns * shown["step"][1]
    return max(0, min(row, height - 1)), max(0, min(column, width - 1))


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_an_arrow_key_on_the_photo_moves_by_one_pixel_of_the_result(pictures, state, size, stride):
    options = {"kernel": "box", "box_size": size, "stride": stride}
    for start in ((2, 2), (3, 3)):
        settings, result = run(start, **options)
        show_input(PHOTO, settings, result)
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            pictures["before"]["on_pick"](*arrow(pictures["before"], down, right))
            assert (state["row"], state["column"]) == (start[0] + down, start[1] + right)


def test_both_pictures_are_drawn_at_one_scale(pictures):
    for state in ({"stride": 4}, {"padding": "explicit", "pad": 60}, {}):
        settings, result = run(**state)
        show_input(PHOTO, settings, result)
        show_output(PHOTO, settings, result)
        size = tuple(np.maximum(result.image.shape[:2], result.values.shape[:2]))
        assert pictures["before"]["frame_size"] == pictures["after"]["frame_size"] == size
        assert pictures["after"]["zoom"] == 1


def test_a_small_result_can_be_drawn_large(pictures):
    settings, result = run(stride=4, zoom=True)
    show_output(PHOTO, settings, result)
    assert result.values.shape == (8, 10, 3)
    assert pictures["after"]["zoom"] == 30 / 8


def test_pictures_have_alternative_texts(pictures):
    settings, result = run(kernel="sobel")
    show_input(PHOTO, settings, result)
    show_output(PHOTO, settings, result)
    assert pictures["before"]["alt"] == "Before: noise.png"
    assert pictures["after"]["alt"] == "After: Sobel edges on noise.png"
    assert "30 rows × 40 columns" in pictures["before"]["caption"]
    described = Photo(PHOTO.pixels, "noise", "x", alt="Coloured noise.")
    show_input(described, settings, result)
    assert pictures["before"]["alt"] == "Before: Coloured noise."


@pytest.mark.parametrize(
    ("border", "words"),
    [
        ((0, 0), "No border is dropped"),
        ((0, 2), "included): **2** columns."),
        ((1, 0), "included): **1** row."),
        ((3, 1), "included): **3** rows and **1** column."),
    ],
)
def test_only_a_dropped_border_is_counted(border, words):
    assert words in dropped_sentence(*border)


def test_a_long_sum_begins_with_its_largest_products():
    settings, result = run(kernel="gaussian")
    largest = np.sort(result.arithmetic.products.ravel())[::-1][:4]
    written = " + ".join(f"{value:.4f}" for value in largest)
    assert f"(81 terms, the largest first)**:** {written} + … = " in _sum(settings, result)
