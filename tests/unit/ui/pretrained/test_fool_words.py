"""Each sentence of *Fool it* is chosen by its figures."""

import numpy as np
import pytest

from cnn_demo.models.robustness.adversarial import Attack
from cnn_demo.models.robustness.smallest import Search
from cnn_demo.models.robustness.survival import DRAWS, Outcome
from cnn_demo.ui.pretrained.fool.noise import GAIN, noise_picture
from cnn_demo.ui.pretrained.fool.settings import Plan
from cnn_demo.ui.pretrained.fool.words import by_chance, elsewhere, network, survived, verdict

SEEN = np.full((10, 10, 3), 100, np.uint8)
STAYS, CHANGES, WANTED = (Outcome("cat", 0.9, other, 0.8) for other in ("cat", "dog", "bus"))
MOVED = Outcome("fox", 0.5, "fox", 0.5)


def attack(changed: int, budget: int, margin: float) -> Attack:
    altered = SEEN.copy()
    altered.ravel()[:changed] += budget
    return Attack(altered, budget, np.zeros(2), margin)


def said(search: Search, plan: Plan, after: str = "dog") -> str:
    return verdict(plan, search, SEEN, ("cat", 0.9), (after, 0.6), 0.3)


def test_a_found_noise_states_its_size():
    one = Search(attack(300, 1, 1), attack(2, 1, 1), None, {1: True}, 1.0)
    text = said(one, Plan("pgd", None, smallest=True, budget=8))
    assert text.startswith(
        "**1 level of 255 is enough**: 2 of 300 colour values (0.67%) change by 1, and “cat” (90.0%)"
    )
    assert "fails" not in text
    three = Search(attack(300, 3, 1), attack(150, 3, 1), None, {1: False, 2: False, 3: True, 4: True}, 1.0)
    text = said(three, Plan("fgsm", None, smallest=True, budget=8))
    assert text.startswith("**3 levels of 255 are enough**: 150 of 300 colour values (50.0%) change by at most 3")
    assert text.endswith("With 2 levels, FGSM fails.")
    stopped = Search(attack(300, 4, 1), None, None, {1: False, 2: False, 4: True}, 0.4)
    assert said(stopped, Plan("pgd", None, smallest=True, budget=8)).endswith("smaller noise may work.")
    whole = Search(attack(300, 8, 1), None, None, {8: True}, 1.0)
    assert said(whole, Plan("pgd", None, smallest=False, budget=8)).startswith("**Fooled within 8 levels of 255**")


def test_a_failure_states_what_to_try():
    failed = Search(None, None, attack(300, 8, -1), {1: False, 2: False, 4: False, 8: False}, 1.0)
    text = said(failed, Plan("fgsm", "bus", smallest=True, budget=8), "cat")
    assert text.startswith(
        "**Not fooled**: within 8 levels of 255, FGSM does not reach “bus”; “cat” goes from 90.0% to 30"
    )
    assert "Try PGD" in text
    text = said(failed, Plan("fgsm", "bus", smallest=True, budget=8))
    assert text.startswith("**Fooled, but not into predicting “bus”**: within 8 levels")
    assert "and the prediction becomes “dog” (60.0%)." in text
    assert "another class; " in said(failed, Plan("pgd", None, smallest=True, budget=8), "cat")
    assert said(failed, Plan("pgd", None, smallest=True, budget=8)).startswith("**Not fooled**")  # by a hair
    stopped = Search(None, None, attack(300, 2, -1), {1: False}, 0.2)
    assert said(stopped, Plan("pgd", None, smallest=True, budget=8)).startswith("**Stopped before it worked**")


def test_elsewhere_is_counted():
    nowhere = elsewhere("cat", [STAYS], [STAYS, STAYS], smallest=True)
    assert nowhere.startswith(
        "**The noise works nowhere else: after none of 2 changes of the photo, and not in the one other network.** The "
    )
    text = elsewhere("cat", [CHANGES, STAYS], [CHANGES, CHANGES, STAYS], smallest=False)
    assert text == "**The noise also works after 2 of 3 changes of the photo, and in 1 of 2 other networks.**"
    text = elsewhere("cat", [CHANGES], [CHANGES, WANTED], smallest=False, target="bus")
    assert text == "**The noise also gives “bus” after 1 of 2 changes of the photo, and not in the one other network.**"
    assert "network" not in elsewhere("cat", [], [CHANGES], smallest=False)


def test_a_change_that_fools_without_noise_is_no_test_of_the_noise():
    text = elsewhere("cat", [], [STAYS, MOVED, MOVED], smallest=False)
    assert text.startswith("**The noise works nowhere else: not after the one change of the photo.** 2 of 3 changes")
    assert "1 of 2 changes of the photo changes" in elsewhere("cat", [], [STAYS, MOVED], smallest=False)
    text = elsewhere("cat", [], [MOVED, MOVED], smallest=False)
    assert text.startswith("2 of 2 changes of the photo change the prediction without noise too")


def test_another_network_is_described_by_its_figures():
    assert network("Lite", STAYS, None) == "**Lite** is not fooled: “cat” goes from 90.0% to 80.0%."
    assert network("Lite", CHANGES, None) == "**Lite** is fooled too: “cat” (90.0%) becomes “dog” (80.0%)."
    assert network("Lite", CHANGES, "bus").endswith("becomes “dog” (80.0%), not “bus”.")


@pytest.mark.parametrize(
    ("outcome", "target", "expected"),
    [
        (STAYS, None, "no longer fooled"),
        (CHANGES, None, "still fooled"),
        (CHANGES, "bus", "fooled, but not “bus”"),
        (WANTED, "bus", "still fooled"),
        (MOVED, None, "changes without noise too"),
        (Outcome("fox", 0.5, "cat", 0.5), None, "no longer fooled"),
    ],
)
def test_a_condition_in_words(outcome, target, expected):
    assert survived(outcome, "cat", target) == expected


def test_random_noise_in_words():
    for count, words in ((0, "in none of"), (7, f"7 of {DRAWS}"), (DRAWS, f"all {DRAWS}")):
        assert words in by_chance(count, 2)


def test_the_noise_is_shown_fifty_times_around_grey():
    altered = SEEN.copy()
    altered[0, 0], altered[0, 1], altered[0, 2] = 101, 98, 110
    shown = noise_picture(SEEN, altered)
    assert shown[0, :4, 0].tolist() == [128 + GAIN, 128 - 2 * GAIN, 255, 128]
