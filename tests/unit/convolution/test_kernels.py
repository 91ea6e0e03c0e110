import inspect
import itertools
import math

import cv2
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from cnn_demo.convolution import KERNELS, Choice, ConvSpec, convolve, kernel

SMOOTHING = ("identity", "box", "gaussian", "motion_blur")
DERIVATIVES = (
    "sobel",
    "prewitt",
    "scharr",
    "laplacian",
    "laplacian_of_gaussian",
    "difference_of_gaussians",
    "gabor",
)
TURNING = [name for name, family in KERNELS.items() if any(p.name == "angle" for p in family.parameters)]


def corners(family):
    """Every combination of smallest, usual and largest values that the catalogue allows."""
    values = []
    for parameter in family.parameters:
        if isinstance(parameter, Choice):
            values.append(parameter.choices)
        else:
            values.append(sorted({parameter.minimum, parameter.default, parameter.maximum}))
    for combination in itertools.product(*values):
        yield dict(zip((p.name for p in family.parameters), combination, strict=True))


def ramp(angle, side=9):
    """Brightness that grows by one per pixel towards an angle, counter-clockwise from the right."""
    offsets = np.arange(side) - side // 2
    x, y = np.meshgrid(offsets, -offsets)
    return (x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))).astype(np.float32)


def test_the_catalogue_has_every_kernel():
    expected = "identity box gaussian sharpen unsharp sobel prewitt scharr laplacian laplacian_of_gaussian"
    expected += " difference_of_gaussians emboss motion_blur gabor random"
    assert set(KERNELS) == set(expected.split())


@pytest.mark.parametrize("name", KERNELS)
def test_a_family_describes_its_function(name):
    family = KERNELS[name]
    arguments = inspect.signature(family.function).parameters
    assert family.name == name
    assert [p.name for p in family.parameters] == list(arguments)
    assert [p.default for p in family.parameters] == [a.default for a in arguments.values()]
    assert family.sentence.endswith(".")
    assert len(family.sentence) < 120
    assert all(p.help.endswith(".") and p.check(p.default) == p.default for p in family.parameters)


@pytest.mark.parametrize("name", KERNELS)
def test_every_corner_of_the_parameters_gives_a_kernel(name):
    for parameters in corners(KERNELS[name]):
        weights = kernel(name, **parameters)
        assert weights.dtype == np.float32
        assert weights.ndim == 2
        assert max(weights.shape) <= 15
        assert np.isfinite(weights).all()
        if name in DERIVATIVES:
            assert abs(weights.sum()) < 1e-5 * max(np.abs(weights).sum(), 1), parameters
        elif name in SMOOTHING:
            assert weights.min() >= 0
            assert weights.sum() == pytest.approx(1, abs=1e-5), parameters
        elif name != "random":
            assert weights.sum() == pytest.approx(1, abs=1e-4), parameters


@pytest.mark.parametrize("size", range(1, 16))
def test_kernels_have_the_requested_size(size):
    for name, family in KERNELS.items():
        for parameter in family.parameters:
            if parameter.name in ("size", "length") and size >= parameter.minimum:
                if name == "sobel" and size % 2 == 0:
                    continue
                assert kernel(name, **{parameter.name: size}).shape == (size, size)


def test_classic_integers():
    np.testing.assert_array_equal(kernel("sobel"), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    np.testing.assert_array_equal(kernel("sobel", angle=90), [[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    np.testing.assert_array_equal(kernel("prewitt"), [[-1, 0, 1]] * 3)
    np.testing.assert_array_equal(kernel("scharr"), [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]])
    np.testing.assert_array_equal(kernel("laplacian"), [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    np.testing.assert_array_equal(kernel("laplacian", neighbours=8), [[1, 1, 1], [1, -8, 1], [1, 1, 1]])
    np.testing.assert_array_equal(kernel("sharpen"), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    np.testing.assert_array_equal(kernel("box", size=2), [[0.25, 0.25], [0.25, 0.25]])


@pytest.mark.parametrize("size", [3, 5, 7, 9, 15])
def test_sobel_is_opencvs(size):
    along, across = cv2.getDerivKernels(1, 0, size)
    np.testing.assert_allclose(kernel("sobel", size=size), np.outer(across, along), rtol=1e-6)


def test_scharr_is_opencvs():
    along, across = cv2.getDerivKernels(1, 0, cv2.FILTER_SCHARR)
    np.testing.assert_array_equal(kernel("scharr"), np.outer(across, along))


@pytest.mark.parametrize("size", [1, 3, 4, 5, 10, 15])
@pytest.mark.parametrize("sigma", [0.4, 1.2, 5.0])
def test_gaussian_is_scipys(size, sigma):
    line = scipy.signal.windows.gaussian(size, sigma)
    expected = np.outer(line, line) / line.sum() ** 2
    np.testing.assert_allclose(kernel("gaussian", size=size, sigma=sigma), expected, atol=1e-6)


def test_second_derivatives_are_scipys():
    image = np.random.default_rng(0).random((60, 60)).astype(np.float32)
    inside = (slice(12, -12), slice(12, -12))
    found = convolve(image, kernel("laplacian"))
    np.testing.assert_allclose(found[inside], scipy.ndimage.laplace(image)[inside], atol=1e-5)
    found = convolve(image, kernel("laplacian_of_gaussian", size=15, sigma=1.5))
    expected = scipy.ndimage.gaussian_laplace(image.astype(np.float64), 1.5)
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-3)
    found = convolve(image, kernel("difference_of_gaussians", size=15, sigma=1.2, ratio=1.5))
    narrow, wide = (scipy.ndimage.gaussian_filter(image.astype(np.float64), s) for s in (1.2, 1.8))
    np.testing.assert_allclose(found[inside], (narrow - wide)[inside], atol=2e-3)


@pytest.mark.parametrize("name", ["sobel", "prewitt", "scharr"])
@pytest.mark.parametrize("angle", [-45, 0, 30, 90, 135, -110])
def test_derivatives_measure_the_slope_towards_their_angle(name, angle):
    weights = kernel(name, angle=angle)
    strength = np.abs(
        kernel(name)
    ).sum()  # response to a ramp of one per pixel: two pixels apart, half the weights each
    for uphill in (0, 30, 90, 200):
        response = convolve(ramp(uphill), weights, ConvSpec(padding="valid"))
        expected = strength * math.cos(math.radians(uphill - angle))
        np.testing.assert_allclose(response, np.full_like(response, expected), atol=1e-3)


@pytest.mark.parametrize("name", TURNING)
def test_a_whole_turn_changes_nothing(name):
    np.testing.assert_allclose(kernel(name, angle=180), kernel(name, angle=-180), atol=1e-6)


@pytest.mark.parametrize("name", TURNING)
def test_a_quarter_turn_is_counter_clockwise(name):
    phase = {"phase": 90} if name == "gabor" else {}
    quarter_turned = np.rot90(kernel(name, angle=25, **phase))
    np.testing.assert_allclose(kernel(name, angle=115, **phase), quarter_turned, atol=1e-5)


@pytest.mark.parametrize("angle", [0, 45, 90, 160])
@pytest.mark.parametrize("wavelength", [4.0, 6.0])
def test_gabor_responds_most_to_its_own_stripes(angle, wavelength):
    def response(stripes_angle, stripes_wavelength):
        stripes = np.cos(2 * np.pi * ramp(stripes_angle, 61) / stripes_wavelength)
        return np.abs(convolve(stripes, kernel("gabor", angle=angle, wavelength=wavelength))).max()

    own = response(angle, wavelength)
    assert own > 0.5
    assert all(response(angle + turn, wavelength) < 0.5 * own for turn in (45, 90, 135))
    assert all(response(angle, wavelength * scale) < 0.75 * own for scale in (0.6, 2))


def test_gabor_phase_separates_lines_from_edges():
    line, edge = kernel("gabor", phase=0), kernel("gabor", phase=90)
    np.testing.assert_allclose(line, line[::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(edge, -edge[::-1, ::-1], atol=1e-6)
    assert np.vdot(edge, ramp(0, 15)) > 0
    assert np.abs(line).sum() == pytest.approx(2, abs=1e-5)


def test_a_gabor_without_a_wave_to_sample_is_empty_not_noise():
    assert not kernel("gabor", wavelength=2, phase=90).any()


def test_motion_blur_is_a_line():
    horizontal = np.zeros((5, 5), np.float32)
    horizontal[2] = 0.2
    np.testing.assert_allclose(kernel("motion_blur", length=5), horizontal, atol=1e-6)
    np.testing.assert_allclose(kernel("motion_blur", length=5, angle=90), horizontal.T, atol=1e-6)
    up_right = kernel("motion_blur", length=7, angle=45)
    assert up_right[1, 5] > 0.1
    assert up_right[5, 1] > 0.1
    assert up_right[1, 1] == up_right[5, 5] == up_right[0, 6] == 0  # seven pixels long, not seven columns wide


def test_emboss_lights_slopes_that_face_the_light():
    facing, turned_away = ramp(45 + 180), ramp(45)  # falling and rising towards the light
    spec = ConvSpec(padding="valid")
    relief = kernel("emboss", angle=45) - kernel("identity")
    assert convolve(facing, relief, spec).min() > 0
    assert convolve(turned_away, relief, spec).max() < 0


def test_identity_and_unsharp_leave_even_ground_alone():
    image = np.random.default_rng(1).random((8, 9)).astype(np.float32)
    for size in (1, 2, 3, 6, 7):
        np.testing.assert_allclose(convolve(image, kernel("identity", size=size)), image, atol=1e-6)
    np.testing.assert_allclose(
        kernel("unsharp", size=7, sigma=1.5, amount=2),
        3 * kernel("identity", size=7) - 2 * kernel("gaussian", size=7, sigma=1.5),
        atol=1e-6,
    )


@pytest.mark.parametrize("distribution", ["normal", "uniform", "sign"])
def test_random_weights_repeat_and_keep_the_spread(distribution):
    one = kernel("random", size=15, seed=3, distribution=distribution)
    np.testing.assert_array_equal(one, kernel("random", size=15, seed=3, distribution=distribution))
    assert not np.array_equal(one, kernel("random", size=15, seed=4, distribution=distribution))
    assert np.sum(one**2) == pytest.approx(1, abs=0.2)  # so unit-variance noise stays unit-variance noise


def test_unknown_names_list_the_choices():
    with pytest.raises(KeyError, match="choose one of identity, box, gaussian"):
        kernel("blur")
    with pytest.raises(ValueError, match="The kernel 'gaussian' has no parameter 'radius'; it has size, sigma"):
        kernel("gaussian", radius=2)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("box", {"size": 0}, "size must be between 1 and 15, not 0"),
        ("box", {"size": 16}, "size must be between 1 and 15, not 16"),
        ("box", {"size": 2.5}, "size must be an integer"),
        ("box", {"size": True}, "size must be between"),
        ("box", {"size": "3"}, "size must be between"),
        ("sobel", {"size": 4}, "size must be 3 plus a multiple of 2, not 4"),
        ("gaussian", {"sigma": math.nan}, "sigma must be between"),
        ("laplacian", {"neighbours": 6}, "neighbours must be one of 4, 8"),
        ("random", {"distribution": "cauchy"}, "distribution must be one of normal, uniform, sign"),
    ],
)
def test_parameters_out_of_range_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        kernel(name, **parameters)


def test_whole_floats_count_as_integers():
    assert kernel("box", size=3.0).shape == kernel("box", size=np.int64(3)).shape == (3, 3)
