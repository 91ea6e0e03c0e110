import numpy as np
import pytest

from cnn_demo.convolution import PATTERNS, convolve, kernel, pattern


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("size", [2, 33, 256])
def test_is_a_grey_photo_and_always_the_same(name, size):
    pixels = pattern(name, size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[..., :1] == pixels).all()
    np.testing.assert_array_equal(pixels, pattern(name, size))


@pytest.mark.parametrize("name", PATTERNS)
def test_uses_the_whole_range_and_has_a_description(name):
    pixels = pattern(name)
    assert pixels.min() <= 2
    assert pixels.max() >= 253
    assert PATTERNS[name].name == name
    assert PATTERNS[name].sentence.endswith(".")


def test_impulse_is_one_pixel():
    assert pattern("impulse", 9)[..., 0].sum() == 255
    assert pattern("impulse", 9)[4, 4, 0] == 255


def test_edge_is_one_step_upwards_to_the_right():
    row = pattern("edge", 10)[3, :, 0]
    np.testing.assert_array_equal(row, [0] * 5 + [255] * 5)
    response = convolve(pattern("edge", 10)[..., 0], kernel("sobel"))[2:-2, 1:-1]
    assert response.min() == 0
    assert response.max() == 4 * 255


def test_disc_is_round():
    disc = pattern("disc", 64)[..., 0]
    np.testing.assert_array_equal(disc, disc.T)
    assert np.mean(disc / 255) == pytest.approx(np.pi * 0.3**2, rel=0.01)


def test_checkerboard_alternates():
    board = pattern("checkerboard", 256)[..., 0]
    assert board[0, 0] == board[16, 16] == 0
    assert board[0, 16] == board[16, 0] == 255
    assert np.mean(board) == 127.5


def test_chirp_gets_as_fine_as_pixels_allow():
    row = pattern("chirp", 256)[128, :, 0].astype(float)
    assert np.abs(np.diff(row[124:132])).max() < 10  # even in the middle
    for columns, stripe in ((slice(180, 204), 3.9), (slice(224, 240), 2.5)):  # N / r pixels wide at a distance r
        turns = np.count_nonzero(np.diff(np.sign(row[columns] - 127.5)))
        assert turns == pytest.approx(2 * len(row[columns]) / stripe, abs=2)


def test_noise_has_no_structure():
    noise = pattern("noise")[..., 0] / 255
    assert np.mean(noise) == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.02


def test_refuses_in_one_sentence():
    with pytest.raises(KeyError, match="choose one of impulse, edge, disc"):
        pattern("stripes")
    with pytest.raises(ValueError, match="at least 2 pixels"):
        pattern("edge", 1)
