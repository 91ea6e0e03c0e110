"""The new head: its mathematics beside numerical differences, torch and scikit-learn, and that the hold-out is fair."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from cnn_demo.models import frameworks
from cnn_demo.models.transfer.linear_head import (
    Adam,
    confusion,
    loss_and_gradients,
    split,
    standardization,
    train_head,
)

LABELS = ("cat", "dog", "owl")


def blobs(apart: float, count: int = 20, size: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of three classes around three centres, and the classes."""
    chance = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), count)
    centres = np.eye(3, size) * apart
    return (centres[classes] + chance.normal(size=(3 * count, size))).astype(np.float32), classes


def last(features, classes, hold_out, **settings):
    *_, run = train_head(features, classes, LABELS, hold_out, **settings)
    return run


# The hold-out --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "held"), [((12, 12, 12), (3, 3, 3)), ((5, 6, 50), (1, 2, 12)), ((2, 3, 9), (1, 1, 2))]
)
def test_a_fraction_of_each_class_is_held_out(counts, held):
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(3), counts))
    train, hold_out = split(classes, 0.25, seed=3)
    assert sorted([*train, *hold_out]) == list(range(len(classes)))
    assert tuple(np.bincount(classes[hold_out])) == held
    assert (np.diff(train) > 0).all()
    assert (np.diff(hold_out) > 0).all()


def test_the_same_seed_draws_the_same_photos_and_another_one_others():
    classes = np.repeat(np.arange(3), 12)
    for a, b in zip(split(classes, seed=1), split(classes, seed=1), strict=True):
        np.testing.assert_array_equal(a, b)
    drawn = {tuple(split(classes, seed=seed)[1]) for seed in range(60)}
    assert len(drawn) == 60
    assert len({photo for photos in drawn for photo in photos}) == 36  # every photo has its turn


def test_both_parts_of_a_split_have_photos_of_each_class():
    classes = np.repeat(np.arange(2), 2)
    assert [len(part) for part in split(classes, 0.99)] == [2, 2]
    assert [len(part) for part in split(classes, 0.01)] == [2, 2]
    with pytest.raises(ValueError, match="single photo"):
        split(np.array([0, 0, 1]))
    for fraction in (0, 1, -1, np.nan):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            split(classes, fraction)


def test_held_out_photos_do_not_influence_the_head():
    features, classes = blobs(3)
    _, hold_out = split(classes)
    changed, others = features.copy(), classes.copy()
    changed[hold_out] = np.random.default_rng(9).normal(50, 20, changed[hold_out].shape)
    others[hold_out] = 2
    one, two = last(features, classes, hold_out, epochs=7), last(changed, others, hold_out, epochs=7)
    for name in ("weights", "bias", "mean", "scale"):
        np.testing.assert_array_equal(getattr(one.head, name), getattr(two.head, name))
    assert one.epochs[-1].loss == two.epochs[-1].loss
    assert one.epochs[-1].held_out_loss != two.epochs[-1].held_out_loss


# The mathematics -----------------------------------------------------------------------------------------------------


def test_gradients_agree_with_numerical_differences():
    chance, step = np.random.default_rng(1), 1e-6
    x, y = chance.normal(size=(9, 4)), np.eye(3)[chance.integers(0, 3, 9)]
    values = [chance.normal(size=(4, 3)), chance.normal(size=3)]
    _, *gradients = loss_and_gradients(x, y, *values, 0.3)
    for which, gradient in enumerate(gradients):
        for index in np.ndindex(gradient.shape):
            losses = []
            for sign in (1, -1):
                moved = [value.copy() for value in values]
                moved[which][index] += sign * step
                losses.append(loss_and_gradients(x, y, *moved, 0.3)[0])
            assert gradient[index] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-7)


def test_the_loss_of_uniform_predictions_is_the_log_of_the_number_of_classes():
    loss, _, _ = loss_and_gradients(np.ones((6, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2]], np.zeros((4, 3)), np.zeros(3), 1.0)
    assert loss == pytest.approx(np.log(3))


def test_adam_agrees_with_torch():
    torch = frameworks.torch()
    target = np.random.default_rng(2).normal(size=(5, 3))
    ours, move = np.zeros((5, 3)), Adam(0.05)
    theirs = torch.zeros((5, 3), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theirs], lr=0.05)
    for _ in range(25):
        optimizer.zero_grad()
        ((theirs - torch.tensor(target)) ** 4).sum().backward()
        optimizer.step()
        ours = ours + move(4 * (ours - target) ** 3)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("l2", [0.01, 0.3])
def test_the_converged_head_is_scikit_learns_logistic_regression(l2):
    features, classes = blobs(1.5)
    train, hold_out = split(classes)
    run = last(features, classes, hold_out, epochs=2000, l2=l2)
    mean, scale = standardization(features[train])
    peer = LogisticRegression(C=1 / (l2 * len(train)), tol=1e-8, max_iter=1000)
    peer.fit((features[train] - mean) / scale, classes[train])
    np.testing.assert_allclose(run.head.weights, peer.coef_.T, atol=2e-3)
    np.testing.assert_allclose(run.probabilities, peer.predict_proba((features[hold_out] - mean) / scale), atol=2e-3)


def test_features_are_centred_each_and_scaled_together():
    features = np.random.default_rng(3).normal(5, [0.1, 1, 10], (50, 3)).astype(np.float32)
    mean, scale = standardization(features)
    ready = (features - mean) / scale
    np.testing.assert_allclose(ready.mean(axis=0), 0, atol=1e-5)
    assert ready.var(axis=0).mean() == pytest.approx(1, rel=1e-4)
    assert ready[:, 2].std() > 50 * ready[:, 0].std()
    np.testing.assert_array_equal(standardization(np.full((4, 2), 7, np.float32))[1], 1)  # nothing to divide by


# Training ------------------------------------------------------------------------------------------------------------


def test_separable_classes_are_separated():
    features, classes = blobs(12, size=100)
    run = last(features, classes, split(classes)[1])
    assert run.epochs[-1].accuracy == run.epochs[-1].held_out_accuracy == 1


def test_random_labels_cannot_be_predicted():
    """The training part is learned by heart (features outnumber photos), and the hold-out stays at chance, a third."""
    scores = []
    for seed in range(10):
        features, _ = blobs(0, size=100, seed=seed)
        classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(3), 20))
        run = last(features, classes, split(classes, seed=seed)[1])
        assert run.epochs[-1].accuracy > 0.95
        scores.append(run.epochs[-1].held_out_accuracy)
    assert np.mean(scores) == pytest.approx(1 / 3, abs=0.12)  # 150 predictions: three standard deviations


def test_each_epoch_is_measured_and_the_last_one_counts():
    features, classes = blobs(3)
    train, hold_out = split(classes)
    runs = list(train_head(features, classes, LABELS, hold_out, epochs=30, backbone="cifar10_cnn", fit="pad"))
    assert [len(run.epochs) for run in runs] == list(range(1, 31))
    assert runs[-1].epochs[:12] == runs[11].epochs
    losses = [epoch.loss for epoch in runs[-1].epochs]
    assert losses[0] < np.log(3)
    assert losses[-1] < losses[9] < losses[0]
    head = runs[-1].head
    assert (head.labels, head.backbone, head.fit) == (LABELS, "cifar10_cnn", "pad")
    np.testing.assert_allclose(runs[-1].probabilities, head.probabilities(features[hold_out]), atol=1e-6)
    right = head.probabilities(features[train]).argmax(axis=1) == classes[train]
    assert runs[-1].epochs[-1].accuracy == right.mean()
    right = runs[-1].probabilities.argmax(axis=1) == classes[hold_out]
    assert runs[-1].epochs[-1].held_out_accuracy == right.mean()
    of_truth = runs[-1].probabilities[np.arange(len(hold_out)), classes[hold_out]]
    assert runs[-1].epochs[-1].held_out_loss == pytest.approx(-np.log(of_truth).mean(), rel=1e-5)


def test_features_of_any_size_and_unit_learn_alike():
    features, classes = blobs(6, size=16)
    _, hold_out = split(classes)
    one = last(features, classes, hold_out)
    other = last(features * 1e-9 + 1e-9, classes, hold_out)
    np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-3)
    constant = last(np.ones_like(features), classes, hold_out)
    np.testing.assert_allclose(constant.probabilities, 1 / 3, atol=1e-3)  # Adam steps on rounding errors, too


def test_invalid_training_sets_are_refused():
    features, classes = blobs(3)
    _, hold_out = split(classes)
    broken = features.copy()
    broken[3, 3] = np.nan
    for arguments, message in (
        ((broken, classes, LABELS, hold_out), "finite"),
        ((features[0], classes, LABELS, hold_out), "rows of finite"),
        ((features[1:], classes, LABELS, hold_out), "59 photos need as many"),
        ((features, classes, (*LABELS, "elk"), hold_out), "Each class needs photos"),
        ((features, classes, LABELS, np.arange(20)), "Each class needs photos"),
        ((features, classes, LABELS, np.array([], int)), "must be held out"),
    ):
        with pytest.raises(ValueError, match=message):
            next(train_head(*arguments))


def test_the_confusion_matrix_holds_the_photos():
    classes = np.array([0, 0, 1, 1, 2, 2, 1])
    hold_out = np.array([1, 2, 3, 5, 6])
    probabilities = np.eye(3)[[0, 0, 1, 1, 0]]
    assert confusion(classes, hold_out, probabilities) == (((1,), (), ()), ((2, 6), (3,), ()), ((), (5,), ()))
