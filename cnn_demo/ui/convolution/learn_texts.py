"""Sentences on a descent: how it ended, and why, with its own figures."""

from cnn_demo.convolution.kernel_learning import Bowl, Trail
from cnn_demo.ui.convolution.learn_settings import LearnSettings
from cnn_demo.ui.convolution.learn_target import Target

EXACT = 1e-9  # a lower loss is rounding: a hundredth of the step between two grey levels has a square of 1.5e-9
ROUNDING = 1e-12  # a loss that is written as 0
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FLAT = 100.0  # from this ratio of curvatures on, the flat directions are mentioned as slow


def divergence(bowl: Bowl, trail: Trail, learn: LearnSettings) -> str:
    """Return a sentence on a learning rate that is too high, or an empty text."""
    limit = bowl.largest_stable_rate(learn.momentum)
    if learn.rate <= limit:
        return ""
    where = "for this photo, kernel size and momentum" if learn.momentum else "for this photo and kernel size"
    if trail.losses[-1] > trail.losses[0]:
        return (
            f"**The loss diverges**: with a learning rate of {learn.rate:g}, each step overshoots the minimum and ends "
            f"higher on the other side, so choose at most {_below(limit)}, the largest stable rate {where}."
        )
    return (
        f"**The learning rate is too high**: above {_below(limit)}, the largest stable rate {where}, the loss diverges "
        "after enough steps."
    )


def _below(limit: float) -> str:
    """Write a limit with two digits, rounded down: the written value is stable too."""
    written = float(f"{limit:.1e}")
    if written > limit:
        written -= 10.0 ** (int(f"{limit:.1e}".partition("e")[2]) - 1)
    return f"{written:.2g}"


def lessons_learned(bowl: Bowl, trail: Trail, learn: LearnSettings, target: Target) -> str:
    """Return a list on the loss, the learning rate, the weights and the noise."""
    return "\n".join(
        f"- {item}" for item in (_loss(bowl, trail), _rate(bowl, learn), _weights(bowl), *_floor(bowl, learn, target))
    )


def _loss(bowl: Bowl, trail: Trail) -> str:
    steps = trail.steps[-1]
    distance = abs(trail.weights[-1] - bowl.best).max()
    return (
        f"**Loss**: {_number(trail.losses[0])} with the initial weights, {_number(trail.losses[-1])} after {steps:,} "
        f"steps. Least squares computes the best weights at once, by solving {len(bowl.best)} equations, and reaches "
        f"{_number(bowl.floor)}; the learned weights differ from them by at most {distance:.2g}. A network has no such "
        "shortcut: its loss is no simple bowl, so it walks."
    )


def _rate(bowl: Bowl, learn: LearnSettings) -> str:
    limit = bowl.largest_stable_rate(learn.momentum)
    if limit == float("inf"):
        return "**Learning rate**: the photo is black, so no weight matters, and any learning rate is stable."
    formula = f"2 / {2 * bowl.eigenvalues[-1]:.3g}"
    if learn.momentum:
        formula = f"(1 + {learn.momentum:g}) · {formula}"
    return (
        "**Learning rate**: the loss is a bowl over the weights. Its steepest direction, in which all weights grow "
        f"together, limits the learning rate to {formula} = **{_below(limit)}**; a larger step lands higher on the "
        "other side. Brighter photos and larger kernels make the bowl steeper and the limit lower."
    )


def _weights(bowl: Bowl) -> str:
    count = len(bowl.best)
    if bowl.rank < count:
        return (
            f"**Undetermined weights**: this photo determines only {bowl.rank} of {count} combinations of weights. The "
            "others change no pixel, because pixels that are always equal, or always in the same relation, cannot "
            "tell how a sum is split among them: many kernels make exactly the same picture. Gradient descent keeps "
            "in those directions the weights that it started with; least squares takes the smallest ones."
        )
    slow = "so those are learned last" if bowl.condition > FLAT else "but here not by much"
    return (
        f"**Undetermined weights**: the bowl is {bowl.condition:,.0f} times flatter in its flattest direction than in "
        "its steepest. In a photo neighbouring pixels are almost equal, and moving weight from one to the next hardly "
        f"changes the picture, {slow}. A photo without any detail would leave them undetermined."
    )


def _floor(bowl: Bowl, learn: LearnSettings, target: Target) -> list[str]:
    items = []
    if learn.noise:
        items.append(
            f"**Noise**: its variance is {learn.noise:g}² = {learn.noise**2:.2g}. It differs at every pixel and has "
            f"nothing to do with the photo, so no kernel can predict it: the loss stays at {_number(bowl.floor)} or "
            "above."
        )
    elif bowl.floor > EXACT:
        reason = "no kernel of this size makes exactly this picture"
        if target.weights is not None and max(target.weights.shape) > bowl.size:
            rows, columns = target.weights.shape
            reason = (
                f"the target was made with {rows} × {columns} weights, and {bowl.size} × {bowl.size} cannot copy it"
            )
        items.append(f"**Not zero**: even least squares leaves a loss of {_number(bowl.floor)}: {reason}.")
    return items


def _number(value: float) -> str:
    """Write a loss with two digits, such as 0.012 or 3.4 · 10⁻⁶; rounding errors as 0."""
    if abs(value) < ROUNDING:
        return "0"
    if 1e-3 <= value < 1e4:
        return f"{value:.2g}" if value < 100 else f"{value:,.0f}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
