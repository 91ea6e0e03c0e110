"""Gradient descent on a kernel: against torch, finite differences and NumPy's least squares."""

import numpy as np
import pytest

from cnn_demo.convolution import KERNELS, ConvSpec, convolve, kernel
from cnn_demo.convolution.hidden_kernels import MAX_GAIN, hidden_kernel
from cnn_demo.convolution.kernel_learning import descend, fit_bowl, kept_steps, start_weights, with_noise

NOISE = np.random.default_rng(0).random((40, 50)).astype(np.float32)  # neighbours are independent: easy to learn
SMOOTH = convolve(NOISE, kernel("gaussian", size=5))
SOBEL = kernel("sobel", angle=30)


def bowl_of(image=NOISE, weights=SOBEL, size=3, noise=0.0, bias=0.0, **options):
    return fit_bowl(image, with_noise(convolve(image, weights, bias=bias), noise), size, **options)


def windows_of(image, target, size, bias):
    """All windows as rows, by plain loops, and their target pixels."""
    half = size // 2
    rows, columns = image.shape
    places = [(r, c) for r in range(half, rows - half) for c in range(half, columns - half)]
    x = [image[r - half : r + half + 1, c - half : c + half + 1].ravel() for r, c in places]
    x = np.array(x, np.float64)
    return np.column_stack([x, np.ones(len(x))]) if bias else x, np.array([target[place] for place in places])


@pytest.mark.parametrize(("size", "bias"), [(3, False), (5, True), (7, False)])
@pytest.mark.parametrize("image", [NOISE, SMOOTH], ids=["noise", "smooth"])
def test_the_bowl_has_the_loss_the_gradient_and_the_least_squares_of_the_pixels(image, size, bias):
    target = with_noise(convolve(image, SOBEL), 0.1)
    bowl = fit_bowl(image, target, size, bias=bias)
    x, y = windows_of(image, target, size, bias)
    assert bowl.windows == len(x)
    best, residue, rank, singular = np.linalg.lstsq(x, y, rcond=None)
    np.testing.assert_allclose(bowl.best, best, atol=1e-6)
    assert bowl.floor == pytest.approx(residue[0] / len(x))
    assert bowl.rank == rank == len(best)
    assert bowl.condition == pytest.approx((singular[0] / singular[-1]) ** 2, rel=1e-5)
    weights = np.random.default_rng(1).normal(size=len(best))
    assert bowl.loss(weights) == pytest.approx(np.mean((x @ weights - y) ** 2))
    for i, slope in enumerate(bowl.gradient(weights)):
        step = np.zeros(len(best))
        step[i] = 1e-3
        losses = [np.mean((x @ (weights + sign * step) - y) ** 2) for sign in (1, -1)]
        assert slope == pytest.approx((losses[0] - losses[1]) / 2e-3, rel=1e-6, abs=1e-9)


def test_every_step_is_that_of_torch():
    import torch

    image, target = (torch.from_numpy(a).double() for a in (SMOOTH, convolve(SMOOTH, SOBEL)))
    bowl = fit_bowl(SMOOTH, target.numpy(), 3, bias=True)
    start = start_weights(3, bias=True, seed=3)
    weights = torch.tensor(start[:9]).reshape(1, 1, 3, 3).requires_grad_()
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights, bias], lr=0.1, momentum=0.5)
    trail = descend(bowl, start, rate=0.1, steps=7, momentum=0.5)
    for step in range(8):
        loss = torch.nn.functional.mse_loss(
            torch.nn.functional.conv2d(image[None, None], weights, bias)[0, 0], target[1:-1, 1:-1]
        )
        if step in trail.steps:
            at = trail.steps.index(step)
            learned = np.append(weights.detach().numpy().ravel(), bias.detach().numpy())
            np.testing.assert_allclose(trail.weights[at], learned, atol=1e-9)
            assert trail.losses[at] == pytest.approx(loss.item(), abs=1e-12)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("seed", [None, 0, 5])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_end_is_least_squares_and_the_kernel_that_made_the_target(size, seed):
    bowl = bowl_of(size=size)
    trail = descend(bowl, start_weights(size, seed=seed), rate=0.9 * bowl.largest_stable_rate(), steps=3000)
    assert not trail.diverged
    np.testing.assert_allclose(trail.weights[-1], bowl.best, atol=1e-5)
    expected = np.pad(SOBEL, (size - 3) // 2).ravel()
    np.testing.assert_allclose(bowl.best, expected, atol=1e-5)
    assert trail.losses[-1] < 1e-10
    assert np.all(np.diff(trail.losses) <= 1e-15)  # without momentum it only falls


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_largest_stable_rate_divides_descents_that_end_from_those_that_diverge(momentum):
    bowl = bowl_of(SMOOTH)
    limit, start = bowl.largest_stable_rate(momentum), start_weights(3, seed=0)
    below, above = (descend(bowl, start, rate=f * limit, steps=4000, momentum=momentum) for f in (0.98, 1.02))
    assert not below.diverged
    assert below.losses[-1] < below.losses[0]
    assert above.diverged
    assert above.losses[-1] > 1e3 * above.losses[0]
    assert np.isfinite(above.losses).all()
    assert above.steps[-1] < 4000


def test_an_absurd_rate_ends_at_once():
    bowl = bowl_of()
    trail = descend(bowl, start_weights(3, seed=0), rate=1e6, steps=100)
    assert trail.diverged
    assert len(trail.steps) <= 4


@pytest.mark.parametrize("strength", [0.05, 0.2])
def test_noise_keeps_the_loss_at_its_variance(strength):
    image = np.random.default_rng(3).random((150, 160)).astype(np.float32)
    bowl = bowl_of(image, noise=strength)
    # Of n normal values, n - 9 degrees of freedom are left: the standard error is sqrt(2 / n), below 1%.
    assert bowl.floor == pytest.approx(strength**2, rel=0.04)
    trail = descend(bowl, start_weights(3), rate=0.9 * bowl.largest_stable_rate(), steps=3000)
    assert trail.losses[-1] == pytest.approx(bowl.floor, rel=1e-9)
    assert (trail.losses >= bowl.floor).all()


def test_noise_is_the_same_for_the_same_seed():
    flat = np.zeros((20, 20))
    np.testing.assert_array_equal(with_noise(flat, 0.1, 4), with_noise(flat, 0.1, 4))
    assert not np.array_equal(with_noise(flat, 0.1, 4), with_noise(flat, 0.1, 5))
    assert with_noise(flat, 0) is flat


def test_a_photo_of_equal_rows_determines_the_columns_only():
    image = np.tile(np.random.default_rng(4).random(60).astype(np.float32), (40, 1))
    bowl = bowl_of(image)
    assert bowl.rank == 3
    random, zeros = (
        descend(bowl, start_weights(3, seed=seed), rate=0.9 * bowl.largest_stable_rate(), steps=5000)
        for seed in (0, None)
    )
    for trail in (random, zeros):
        assert trail.losses[-1] < 1e-10
        np.testing.assert_allclose(trail.weights[-1].reshape(3, 3).sum(axis=0), SOBEL.sum(axis=0), atol=1e-4)
    # Zeros have no part in the directions that the loss does not depend on; neither has the shortest solution.
    np.testing.assert_allclose(zeros.weights[-1], bowl.best, atol=1e-4)
    assert np.abs(random.weights[-1] - bowl.best).max() > 0.1


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_constant_photo(value):
    bowl = bowl_of(np.full((20, 30), value, np.float32))
    assert bowl.rank == (1 if value else 0)
    assert bowl.condition == 1
    trail = descend(bowl, start_weights(3, seed=0), rate=min(0.9 * bowl.largest_stable_rate(), 1.0), steps=100)
    assert trail.losses[-1] < 1e-9
    assert np.isfinite(trail.weights).all()


def test_a_large_photo_is_sampled_and_its_target_is_found():
    image = np.random.default_rng(5).random((700, 500)).astype(np.float32)
    bowl = bowl_of(image, kernel("emboss"))
    assert 30_000 < bowl.windows <= 60_000
    np.testing.assert_allclose(bowl.best, kernel("emboss").ravel(), atol=1e-5)


def test_borders_are_not_compared():
    target = convolve(NOISE, SOBEL)
    spoilt = np.full_like(target, 9.0)
    spoilt[4:-4, 4:-4] = target[4:-4, 4:-4]
    bowl = fit_bowl(NOISE, spoilt, 3, border=4)
    assert bowl.windows == (40 - 8) * (50 - 8)
    np.testing.assert_allclose(bowl.best, SOBEL.ravel(), atol=1e-5)


def test_a_bias_is_learned():
    bowl = bowl_of(bias=-0.4, size=3)
    assert bowl.floor > 1e-4
    learned = fit_bowl(NOISE, convolve(NOISE, SOBEL, bias=-0.4), 3, bias=True)
    assert learned.best[9] == pytest.approx(-0.4, abs=1e-5)
    assert start_weights(3, bias=True, seed=0)[9] == 0


@pytest.mark.parametrize(
    ("image", "target", "size", "text"),
    [
        (NOISE, NOISE[1:], 3, "one shape"),
        (NOISE, NOISE, 4, "odd"),
        (NOISE[:6], NOISE[:6], 7, "too small"),
        (NOISE[:1, :1], NOISE[:1, :1], 3, "too small"),
    ],
)
def test_input_that_cannot_be_learned_from_is_refused_in_one_sentence(image, target, size, text):
    with pytest.raises(ValueError, match=text) as refused:
        fit_bowl(image, target, size)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("steps", [1, 10, 100, 3000, 10_000])
def test_a_trail_keeps_few_steps_the_powers_of_ten_and_the_last(steps):
    kept = kept_steps(steps)
    assert {0, 1, steps} | {10**n for n in range(5) if 10**n <= steps} <= kept
    assert max(kept) == steps
    assert len(kept) < 40
    assert descend(bowl_of(), start_weights(3), rate=0.1, steps=steps).steps == tuple(sorted(kept))


def test_initial_weights():
    assert not start_weights(5).any()
    np.testing.assert_array_equal(start_weights(5, seed=2), start_weights(5, seed=2))
    many = np.concatenate([start_weights(7, seed=seed) for seed in range(40)])
    assert many.std() == pytest.approx(1 / 7, rel=0.05)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_hidden_kernels_fit_and_can_be_learned(size):
    drawn = [hidden_kernel(seed, size) for seed in range(80)]
    assert len({each.family for each in drawn}) > 8
    for each in drawn:
        assert max(each.weights.shape) <= size
        assert np.abs(each.weights).sum() <= MAX_GAIN
        assert each.family in KERNELS
        np.testing.assert_array_equal(each.weights, kernel(each.family, **each.parameters))
    np.testing.assert_array_equal(hidden_kernel(7, size).weights, drawn[7].weights)
    for each in drawn[:12]:
        bowl = fit_bowl(NOISE, convolve(NOISE, each.weights), size)
        assert bowl.floor < 1e-10
        picture = convolve(NOISE, bowl.best.reshape(size, size), ConvSpec())[4:-4, 4:-4]
        np.testing.assert_allclose(picture, convolve(NOISE, each.weights)[4:-4, 4:-4], atol=1e-4)
