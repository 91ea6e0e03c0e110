"""The steps of a photo that a visitor changes."""

import pytest

from cnn_demo.ui.widgets.cover.trail import whole_percent


@pytest.mark.parametrize(
    ("fraction", "text"), [(0, "0%"), (0.0049, "<1%"), (0.006, "1%"), (0.994, "99%"), (0.9996, ">99%"), (1, "100%")]
)
def test_only_exact_values_are_0_or_100_percent(fraction, text):
    assert whole_percent(fraction) == text
