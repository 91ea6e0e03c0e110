"""Grids of values: the texts in the cells, and their contrast on their colours."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnn_demo.ui.widgets import number_grid as module
from cnn_demo.ui.widgets.number_grid import number_grid, short_number

RED, BLUE, WHITE = "rgb(178,24,43)", "rgb(33,102,172)", "rgb(247,247,247)"


@pytest.fixture
def html(monkeypatch):
    """A function that shows a grid and returns its HTML."""
    sent = []
    monkeypatch.setattr(module.st, "html", sent.append)

    def show(values, **options) -> str:
        sent.clear()
        number_grid(np.array(values, np.float32), alt="Some numbers", **options)
        (text,) = sent
        return text

    return show


def cells(text: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", text)


def colours(text: str) -> list[str]:
    """The colours of the cells, in order of the rows; pandas writes one rule for all cells that look the same."""
    found = {}
    for selectors, background in re.findall(r"([^{}]*)\{\s*background: ?(rgb\([^)]*\))", text):
        for row, column in re.findall(r"_row(\d+)_col(\d+)", selectors):
            found[int(row), int(column)] = background.replace(" ", "")
    return [found[cell] for cell in sorted(found)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (-0.0, "0"), (0.001, "0"), (-0.004, "0"), (0.005001, "0.01"), (1, "1"), (-1, "−1")),
        *((0.5, "0.5"), (-0.25, "−0.25"), (1 / 3, "0.33"), (9.99, "9.99"), (9.999, "10"), (10, "10")),
        *((-12.34, "−12.3"), (99.96, "100"), (100, "100"), (123.4, "123"), (-999, "−999"), (200, "200")),
        *((1000, "1e+03"), (1234, "1.23e+03"), (1e6, "1e+06"), (-1e6, "−1e+06"), (1e-30, "0")),
    ],
)
def test_short_number(value, text):
    assert short_number(value) == text
    assert short_number(np.float32(value)) == text


@given(st.floats(-1e6, 1e6))
@settings(derandomize=True, database=None, deadline=None)
def test_a_short_number_is_short_and_nearly_right(value):
    text = short_number(value)
    assert len(text.lstrip("−")) <= 8
    assert text != "-0"
    assert float(text.replace("−", "-")) == pytest.approx(value, rel=0.0051, abs=0.00501)


def test_colours_show_the_sign(html):
    text = html([[-2, 0, 2], [0, 0, 0]])
    assert cells(text) == ["−2", "0", "2", "0", "0", "0"]
    assert colours(text) == [BLUE, WHITE, RED, WHITE, WHITE, WHITE]


def test_small_values_are_not_all_written_as_zero(html):
    assert cells(html([[0.0042, -0.004, 0.04], [0.0004, 0, -0.0001]])) == [".004", "−.004", ".040", "0", "0", "0"]
    assert cells(html([[0.0042, 0.05]])) == ["0", "0.05"]


def test_all_values_of_a_grid_have_the_same_number_of_decimals(html):
    assert cells(html([[0.6, 0.65, 1, 0], [-0.7, 12.5, 300, 9.999]])) == [
        *("0.60", "0.65", "1.00", "0"),
        *("−0.70", "12.5", "300", "10.00"),
    ]
    assert cells(html([[-1, 0, 1], [-2, 0.5, 2]])) == ["−1.0", "0", "1.0", "−2.0", "0.5", "2.0"]
    assert cells(html([[-1, 0, 1], [-2, 0, 2]])) == ["−1", "0", "1", "−2", "0", "2"]


def test_nothing_but_zeros_is_white(html):
    assert colours(html([[0, 0]])) == [WHITE, WHITE]


def test_brightness_is_shown_as_brightness(html):
    text = html([[0, 0.5, 1, 1.7, -3]], brightness=True)
    assert colours(text) == ["rgb(0,0,0)", "rgb(127,127,127)", *["rgb(255,255,255)"] * 2, "rgb(0,0,0)"]


def test_white_is_a_value_of_choice(html):
    assert "rgb(127,127,127)" in html([[0, 0.1, 0.2]], brightness=True, white=0.2)


@pytest.mark.parametrize("brightness", [True, False])
def test_values_are_legible_on_their_colour(html, brightness):
    text = html([np.linspace(-1, 1, 15)] * 2, brightness=brightness)
    pairs = re.findall(r"background: ?rgb\((\d+), ?(\d+), ?(\d+)\);\s*color: ?#(\w+)", text)
    assert len(pairs) > 5
    for *colour, written in pairs:
        luminance = [(int(c) / 255 / 12.92 if int(c) < 11 else ((int(c) / 255 + 0.055) / 1.055) ** 2.4) for c in colour]
        back = float(np.dot(luminance, (0.2126, 0.7152, 0.0722)))
        text_luminance = {"fff": 1.0, "111": 0.0056}[written]
        high, low = max(back, text_luminance), min(back, text_luminance)
        assert (high + 0.05) / (low + 0.05) > 4, (colour, written)


def test_labels_title_note_and_alternative_text(html):
    text = html([[1, 2]], title="Window", note="sum 3", labels=([-1], [7, 8]))
    assert 'aria-label="Some numbers"' in text
    assert text.index("Window") < text.index("<table") < text.index("sum 3")
    assert [int(label) for label in re.findall(r"<th[^>]*>(-?\d+)</th>", text)] == [7, 8, -1]
    plain = html([[1, 2]])
    assert [int(label) for label in re.findall(r"<th[^>]*>(-?\d+)</th>", plain)] == [1, 2, 1]


def test_large_grids_show_colours_only(html):
    assert "font-size: 0px" in html(np.ones((3, 10)), numbers_up_to=9).replace("font-size:0px", "font-size: 0px")
    small = html(np.ones((3, 9)), numbers_up_to=9).replace("font-size:", "font-size: ").replace(":  ", ": ")
    assert "font-size: 0px" not in small


@pytest.mark.parametrize("shape", [(1, 1), (1, 15), (15, 1), (15, 15)])
def test_every_size_of_kernel(html, shape):
    text = html(np.arange(np.prod(shape)).reshape(shape))
    assert len(cells(text)) == np.prod(shape)


@pytest.mark.parametrize("value", [1e6, 1e-30, 1e-45, 1e-37])
def test_values_of_any_magnitude(html, value):
    assert colours(html([[value, 0], [-value, 0]])) == [RED, WHITE, BLUE, WHITE]


def test_ink_is_dark_and_white_cells_have_a_border(html):
    text = html([[0, 1]], ink=True)
    assert text.index("rgb(255,255,255)") < text.index("rgb(0,0,0)")
    assert "box-shadow" in text
