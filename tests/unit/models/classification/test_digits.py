"""The digits, the network that learns them, and the way from a drawing to its input."""

import threading

import cv2
import numpy as np
import pytest

from cnn_demo.jobs import JobError
from cnn_demo.models import frameworks
from cnn_demo.models.classification.digits import (
    DigitSettings,
    build,
    confusion,
    digit_data,
    first_kernels,
    measure,
    read,
    train,
)
from cnn_demo.models.classification.drawn_digit import INK_FRACTION, eight_by_eight

FEW = DigitSettings(filters=8, epochs=3, rate=0.01)


@pytest.fixture(scope="module")
def trained():
    """A network trained with the settings that the page begins with, and all that it reported."""
    runs = []
    train(DigitSettings(), runs.append)
    return runs


def test_the_split():
    data = digit_data()
    assert data.images.shape == (1437, 8, 8)
    assert data.held_out_images.shape == (360, 8, 8)
    assert data.images.min() == 0
    assert data.images.max() == 1
    fractions = [np.bincount(labels, minlength=10) / len(labels) for labels in (data.labels, data.held_out_labels)]
    np.testing.assert_allclose(*fractions, atol=0.005)
    both = {image.tobytes() for image in data.images} & {image.tobytes() for image in data.held_out_images}
    assert not both
    assert not data.images.flags.writeable


def test_every_class_has_the_ink_fraction_that_drawings_get():
    data = digit_data()
    means = [data.images[data.labels == digit].mean() for digit in range(10)]
    assert np.mean(means) == pytest.approx(INK_FRACTION, abs=0.005)
    np.testing.assert_allclose(means, INK_FRACTION, atol=0.02)


@pytest.mark.parametrize("filters", [4, 8, 16, 32])
@pytest.mark.parametrize("pooling", [True, False])
def test_the_parameters_are_counted(filters, pooling):
    settings = DigitSettings(filters=filters, pooling=pooling)
    network = build(settings)
    assert settings.parameters == sum(parameter.numel() for parameter in network.parameters())
    probabilities = read(network, digit_data().images[:3])
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert first_kernels(network).shape == (3, 3, filters)


def test_it_learns_to_read_97_of_100_unseen_digits(trained):
    assert len(trained) == 26
    last, data = trained[-1], digit_data()
    assert last.epochs[-1].held_out_accuracy >= 0.97
    assert last.epochs[0].loss > 3 * last.epochs[-1].loss
    np.testing.assert_array_equal(last.probabilities, read(last.network, data.held_out_images))
    loss, accuracy = measure(last.probabilities, data.held_out_labels)
    assert (last.epochs[-1].held_out_loss, last.epochs[-1].held_out_accuracy) == (loss, accuracy)
    np.testing.assert_array_equal(last.kernels[-1], first_kernels(last.network))


def test_each_report_is_longer_by_one_epoch_and_never_changes_again(trained):
    for number, run in enumerate(trained):
        assert len(run.epochs) == number
        assert len(run.kernels) == number + 1
    assert np.abs(trained[-1].kernels[0] - trained[-1].kernels[-1]).max() > 0.05
    np.testing.assert_array_equal(trained[0].kernels[0], trained[-1].kernels[0])
    assert trained[-1].epochs[:5] == trained[5].epochs


def test_the_loss_is_that_of_torch(trained):
    torch, data, run = frameworks.torch(), digit_data(), trained[3]
    theirs = torch.nn.functional.nll_loss(
        torch.tensor(run.probabilities).log(), torch.tensor(data.held_out_labels)
    ).item()
    assert run.epochs[-1].held_out_loss == pytest.approx(theirs, rel=1e-4)


def test_the_same_settings_give_the_same_network_whatever_else_is_drawn_at_random():
    first, second, other = [], [], []
    train(FEW, first.append)
    frameworks.torch().rand(7)
    train(FEW, second.append)
    train(FEW, other.append, seed=1)
    np.testing.assert_array_equal(first[-1].kernels[-1], second[-1].kernels[-1])
    assert first[-1].epochs == second[-1].epochs
    assert np.abs(first[-1].kernels[0] - other[-1].kernels[0]).max() > 0.01


def test_training_stops_on_request_and_keeps_its_epochs():
    runs = []
    train(DigitSettings(filters=4, epochs=100), runs.append, lambda: len(runs) < 3)
    assert len(runs[-1].epochs) == 2
    assert read(runs[-1].network, digit_data().images[:1]).shape == (1, 10)


def test_a_loss_that_is_not_finite_is_one_sentence():
    with pytest.raises(JobError) as refused:
        train(DigitSettings(filters=4, rate=float("inf"), epochs=3))
    assert str(refused.value) == "The loss is no longer finite: please choose a smaller learning rate."


def test_the_threads_of_others_stay_as_they_are():
    torch = frameworks.torch()
    before, during = torch.get_num_threads(), []
    training = threading.Thread(target=train, args=(FEW, lambda run: during.append(torch.get_num_threads())))
    seen = []
    training.start()
    while training.is_alive():
        seen.append(torch.get_num_threads())
        training.join(0.005)
    assert set(during) == {1}
    assert set(seen) == {before}
    assert torch.get_num_threads() == before
    fresh = []
    other = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert fresh == [before]


def test_the_confusion_is_counted_by_row_of_the_truth():
    probabilities = np.eye(10)[[3, 3, 5]]
    counts = confusion(probabilities, np.array([3, 8, 5]))
    assert counts.sum() == 3
    assert (counts[3, 3], counts[8, 3], counts[5, 5]) == (1, 1, 1)


# Drawings ---------------------------------------------------------------------------------------------------------

STROKES = {  # in fractions of the digit's height; drawn as the writers of the data did
    0: [[(0.5 + 0.3 * np.sin(a), 0.5 - 0.48 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 40)]],
    1: [[(0.35, 0.2), (0.55, 0.02), (0.55, 0.98)]],
    3: [
        [(0.46 + 0.28 * np.sin(a), 0.26 - 0.24 * np.cos(a)) for a in np.linspace(-1.2, 3.1, 20)]
        + [(0.46 + 0.3 * np.sin(a), 0.74 - 0.25 * np.cos(a)) for a in np.linspace(0, 4.3, 20)]
    ],
    5: [
        [(0.78, 0.03), (0.3, 0.03), (0.26, 0.45)]
        + [(0.48 + 0.3 * np.sin(a), 0.68 - 0.28 * np.cos(a)) for a in np.linspace(-0.7, 4.2, 20)]
    ],
    7: [[(0.2, 0.04), (0.75, 0.04), (0.45, 0.98)], [(0.3, 0.5), (0.75, 0.5)]],
}


def drawn(digit: int, *, height: int = 200, pen: int = 24, corner: tuple[int, int] = (40, 40), side: int = 280):
    """A drawing (side, side) uint8 with 255 for ink."""
    paper = np.zeros((side, side), np.uint8)
    for stroke in STROKES[digit]:
        points = np.array(stroke) * height + corner
        cv2.polylines(paper, [np.rint(points * 8).astype(int)], False, 255, pen, cv2.LINE_AA, 3)
    return paper


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawing_is_read(trained, digit):
    right = [
        read(trained[-1].network, eight_by_eight(drawn(digit, height=height, pen=pen))[None])[0].argmax() == digit
        for height in (120, 200)
        for pen in (14, 20, 28)
    ]
    assert np.mean(right) >= 5 / 6


@pytest.mark.parametrize("digit", STROKES)
def test_position_size_and_pen_do_not_matter(digit):
    reference = eight_by_eight(drawn(digit))
    moved = eight_by_eight(drawn(digit, corner=(70, 11)))
    np.testing.assert_array_equal(moved, reference)
    for other in (drawn(digit, height=100, pen=12), drawn(digit, pen=12), drawn(digit, height=400, pen=48, side=600)):
        seen = eight_by_eight(other)
        assert seen.mean() == pytest.approx(INK_FRACTION, abs=0.03)
        assert np.corrcoef(seen.ravel(), reference.ravel())[0, 1] > 0.85


@pytest.mark.parametrize(
    "ink",
    [
        np.full((280, 280), 255, np.uint8),
        np.eye(280, dtype=np.uint8) * 255,
        cv2.circle(np.zeros((280, 280), np.uint8), (3, 3), 1, 255, -1),
        np.pad(np.full((1, 1), 255, np.uint8), ((0, 279), (279, 0))),
        np.repeat(np.pad([[255]], ((0, 0), (140, 139))), 280, axis=0).astype(np.uint8),
        np.array([[255]], np.uint8),
    ],
    ids=["all", "diagonal", "dot", "one pixel in the corner", "hairline", "one by one"],
)
def test_unusual_drawings_get_probabilities(ink):
    seen = eight_by_eight(ink)
    assert seen.shape == (8, 8)
    assert seen.dtype == np.float32
    assert 0 <= seen.min() <= seen.max() <= 1
    assert seen.max() > 0.2


def test_an_empty_drawing_is_none():
    assert eight_by_eight(np.zeros((280, 280), np.uint8)) is None
    assert eight_by_eight(np.full((280, 280), 90, np.uint8)) is None  # smudges are no ink
