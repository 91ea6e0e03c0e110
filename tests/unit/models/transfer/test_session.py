"""Two heads beside each other, then fine-tuning: the figures are those of the parts, and it stops on request."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from cnn_demo.jobs import JobError
from cnn_demo.models import ModelUnavailable, load
from cnn_demo.models.transfer import backbones, fine_tuning, linear_head, session
from cnn_demo.models.transfer.photo_sets import PhotoSet
from cnn_demo.models.transfer.sample_sets import textures
from cnn_demo.models.transfer.session import (
    PRETRAINED,
    RANDOM,
    TUNED,
    Task,
    predict_photos,
    teach,
    tune,
    wilson_interval,
)


@pytest.fixture(scope="module")
def task() -> Task:
    """Five photos of each of the sample set's classes."""
    photos = textures()
    few = np.concatenate([np.flatnonzero(photos.classes == number)[:5] for number in range(3)])
    chosen = PhotoSet(photos.labels, tuple(photos.photos[index] for index in few), photos.classes[few])
    return Task(chosen, "cifar10_cnn", 1)


@pytest.fixture(scope="module")
def taught(task) -> list[session.TransferState]:
    """The reports of `teach`."""
    reports = []
    teach(task, reports.append)
    return reports


@pytest.fixture(scope="module")
def tuned(taught) -> list[session.TransferState]:
    """The reports of `tune`, after `teach`."""
    reports = []
    tune(taught[-1], reports.append)
    return reports


def test_both_heads_are_those_of_their_features(task, taught):
    model, photos, last = load("cifar10_cnn"), task.photos, taught[-1]
    for which, given in ((PRETRAINED, backbones.features), (RANDOM, backbones.random_features)):
        features = given(model, photos.photos)
        *_, alone = linear_head.train_head(features, photos.classes, photos.labels, task.hold_out)
        np.testing.assert_allclose(last.runs[which].head.weights, alone.head.weights, atol=1e-5)
        right = (alone.probabilities.argmax(axis=1) == photos.classes[task.hold_out]).sum()
        assert last.right(which) == right
    assert last.runs[PRETRAINED].head.backbone == "cifar10_cnn"
    assert last.runs[RANDOM].head.backbone == ""  # it cannot be saved: its random weights are not kept


def test_progress_is_reported(taught):
    looking = [report for report in taught if not report.runs]
    assert [report.step for report in looking] == [
        "Computing features with the trained network",
        "Computing features with the trained network: 15 of 15",
        "Computing features with random weights",
        "Computing features with random weights: 15 of 15",
    ]
    learning = taught[len(looking) :]
    assert [report.step for report in learning] == [f"Epoch {n} of 100" for n in range(1, 101)]
    for epoch, report in enumerate(learning, start=1):
        assert {which: len(run.epochs) for which, run in report.runs.items()} == {PRETRAINED: epoch, RANDOM: epoch}
    assert learning[-1].done == 1
    assert learning[-1].seconds > learning[0].seconds > 0


@pytest.mark.parametrize(("calls", "epochs"), [(1, 0), (2, 0), (7, 5)])
def test_it_stops_on_request(task, calls, epochs):
    reports, left = [], iter([True] * (calls - 1) + [False])
    teach(task, reports.append, lambda: next(left))
    assert [len(run.epochs) for run in reports[-1].runs.values()] == [epochs] * 2 * bool(epochs)


def test_fine_tuning_starts_from_the_head_and_keeps_the_other_runs(task, taught, tuned):
    model, photos, last = load("cifar10_cnn"), task.photos, tuned[-1]
    head = taught[-1].runs[PRETRAINED].head
    *_, alone = fine_tuning.fine_tune(model, photos.photos, photos.classes, task.hold_out, head)
    np.testing.assert_allclose(last.runs[TUNED].probabilities, alone.probabilities, atol=1e-4)
    assert last.runs[PRETRAINED] is taught[-1].runs[PRETRAINED]
    assert last.runs[RANDOM] is taught[-1].runs[RANDOM]
    assert last.seconds == taught[-1].seconds
    assert [len(report.runs[TUNED].epochs) for report in tuned if TUNED in report.runs] == list(range(1, 9))


def test_fine_tuning_again_starts_anew_and_stops_on_request(tuned):
    reports, left = [], iter([True, True, False])
    tune(tuned[-1], reports.append, lambda: next(left))
    assert TUNED not in reports[0].runs
    assert len(reports[-1].runs[TUNED].epochs) == 2
    np.testing.assert_allclose(
        reports[-1].runs[TUNED].epochs[0].held_out_loss, tuned[-1].runs[TUNED].epochs[0].held_out_loss, rtol=1e-3
    )


def test_failures_are_one_sentence(task, taught, monkeypatch):
    def missing(key):
        raise ModelUnavailable("Its weights are gone.")

    monkeypatch.setattr(session.fine_tuning, "cut_layer", lambda network: fail())
    with pytest.raises(JobError, match="cannot be trained separately"):
        tune(taught[-1])
    monkeypatch.setattr(session, "load_classifier", missing)
    for work, given in ((teach, task), (tune, taught[-1])):
        with pytest.raises(JobError, match="weights are gone"):
            work(given)


def fail():
    raise ValueError("The last block of this network cannot be trained separately: please choose another network.")


def test_predictions_for_the_held_out_photos_are_the_measured_ones(task, taught, tuned):
    held = [task.photos.photos[index] for index in task.hold_out]
    run, last = taught[-1].runs[PRETRAINED], tuned[-1].runs[TUNED]
    np.testing.assert_allclose(predict_photos(run.head, held), run.probabilities, atol=1e-5)
    np.testing.assert_allclose(predict_photos(run.head, held, last), last.probabilities, atol=1e-5)


def test_another_draw_holds_out_others(task):
    other = replace(task, draw=2)
    assert len(other.hold_out) == len(task.hold_out) == 3
    assert other.hold_out.tolist() != task.hold_out.tolist()


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (0, 12), (7, 12), (12, 12), (60, 75)])
def test_the_likely_range_is_scipys_wilson_interval(right, count):
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-6)
