"""A kernel as text: common notations are read, anything else is refused in one sentence."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cnn_demo.convolution import KERNELS, kernel
from cnn_demo.convolution.matrix_text import MAX_SIDE, MAX_WEIGHT, format_matrix, normalize, parse_matrix, resized

calm = settings(derandomize=True, database=None, deadline=None, max_examples=150)
shapes = array_shapes(min_dims=2, max_dims=2, max_side=MAX_SIDE)
weights = arrays(np.float32, shapes, elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False))
TWO_BY_TWO = [[1, 2], [3, -4.5]]


@pytest.mark.parametrize(
    "text",
    [
        "1 2; 3 -4.5",
        "1 2;3 -4.5;",
        ";; 1\t2 ;\n; 3  -4.5",
        "1 2\n3 -4.5\n",
        "1 2\r\n3 -4.5\r\n",
        "1\t2\n3\t-4.5",
        "1, 2; 3, -4.5",
        "1,2\n3,-4.5",
        "[[1, 2], [3, -4.5]]",
        "[[1, 2],\n [3, -4.5]]",
        "[[1.0,2.0],[3.0,-4.5]]",
        "[[ 1.   2. ]\n [ 3.  -4.5]]",
        "[1, 2], [3, -4.5]",
        "[[1, 2] ,\t[3, -4.5]]",
        "[1 2; 3 -4.5]",
        "1e0 +2; 30e-1 -4.5",
    ],
)
def test_a_matrix_is_read_as_people_write_it(text):
    found = parse_matrix(text)
    assert found.dtype == np.float32
    assert found.tolist() == TWO_BY_TWO


@pytest.mark.parametrize(("text", "shape"), [("7", (1, 1)), ("1 2 3", (1, 3)), ("1;2;3", (3, 1)), ("1\n2", (2, 1))])
def test_rows_and_columns_of_one(text, shape):
    assert parse_matrix(text).shape == shape


def test_printed_numpy_arrays_can_be_pasted():
    for name in KERNELS:
        matrix = kernel(name)
        np.testing.assert_allclose(parse_matrix(str(matrix.tolist())), matrix)
        with np.printoptions(precision=8):  # NumPy's own: Ultralytics changes them for the process that imports it
            printed = np.array_str(matrix, max_line_width=10**6)
        np.testing.assert_allclose(parse_matrix(printed), matrix, atol=1e-7)


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "\n\n", ";", "[]", "[[], []]", "()"),
        *("abc", "1 x; 2 3", "1 2 3 four", "1.2.3", "0x10", "--1", "1 2 | 3 4", "array([[1, 2], [3, 4]])", "½", "1+1"),
        *("1 2; 3", "1; 2 3", "[[1, 2], [3]]"),
        *(" ".join("1" * 16), ";".join("1" * 16), "\n".join([" ".join("1" * 16)] * 16), "1 " * 100_000),
        *("nan", "inf 1", "-inf", "1e400", "1e7", "-1000001", "1 2; 3 nan"),
        *("<script>alert(1)</script>", "__import__('os')", "1;DROP TABLE kernels", "\0"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_anything_else_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"\A(Please|Write) .+") as refusal:
        parse_matrix(text)
    message = re.sub(r"“.*?”", "…", str(refusal.value))  # examples hold points of their own
    assert re.fullmatch(r"(Please [a-z]|Write )[^.!?\n]+\.", message)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize("text", ["1000000 -1000000", "1e6"])
def test_the_largest_weights_are_accepted(text):
    assert np.abs(parse_matrix(text)).max() == MAX_WEIGHT


@given(weights)
@calm
def test_text_and_back_keeps_six_digits(matrix):
    text = format_matrix(matrix)
    again = parse_matrix(text)
    np.testing.assert_allclose(again, matrix, rtol=6e-6, atol=0)
    assert format_matrix(again) == text
    assert "-0 " not in text + " "


def test_the_text_is_as_short_as_it_can_be():
    assert format_matrix(np.array([[-1, 0, 1], [-0.0, 0.5, 1 / 3]])) == "-1 0 1; 0 0.5 0.333333"


@given(st.text(alphabet="0123456789.,;-+e []()\n\tx", max_size=40))
@calm
def test_any_text_is_read_or_refused(text):
    try:
        matrix = parse_matrix(text)
    except ValueError:
        return  # how it is refused is tested above; here, that nothing else is raised
    assert matrix.ndim == 2
    assert 1 <= min(matrix.shape) <= max(matrix.shape) <= MAX_SIDE
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 1; 1 1", "0.25 0.25; 0.25 0.25"),
        ("-1 -3", "0.25 0.75"),
        ("-1 0 1", "-0.5 0 0.5"),
        ("1 -2 1", "0.25 -0.5 0.25"),
        ("0 0; 0 0", "0 0; 0 0"),
        ("5", "1"),
    ],
)
def test_normalize(text, expected):
    result = normalize(parse_matrix(text))
    assert result.dtype == np.float32
    assert format_matrix(result) == expected


@given(weights)
@calm
def test_normalized_weights_sum_to_one_or_their_magnitudes_do(matrix):
    result = normalize(matrix).astype(np.float64)
    total, magnitude = result.sum(), np.abs(result).sum()
    assert np.isfinite(result).all()
    # If weights nearly cancel, the rounding error of their float32 sum is scaled as much as they are.
    assert abs(total - 1) < 1e-5 * max(1, magnitude) or abs(magnitude - 1) < 1e-4 or not matrix.any()


@given(weights, st.tuples(st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE)))
@calm
def test_resizing_keeps_the_middle_in_the_middle(matrix, size):
    result = resized(matrix, size)
    assert result.shape == size
    assert result.dtype == np.float32
    old, new = [(n - 1) // 2 for n in matrix.shape], [(n - 1) // 2 for n in size]
    for row in range(size[0]):
        for column in range(size[1]):
            source = row - new[0] + old[0], column - new[1] + old[1]
            inside = 0 <= source[0] < matrix.shape[0] and 0 <= source[1] < matrix.shape[1]
            assert result[row, column] == (matrix[source] if inside else 0)


def test_growing_and_shrinking_back_changes_nothing():
    matrix = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(resized(resized(matrix, (15, 15)), (3, 4)), matrix)
    np.testing.assert_array_equal(resized(matrix, (1, 1)), [[matrix[1, 1]]])
