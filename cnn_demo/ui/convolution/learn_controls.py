"""Controls of "Learn a kernel"."""

import streamlit as st

from cnn_demo.ui.convolution.learn_settings import (
    DEFAULTS,
    LEARNED,
    RATES,
    SIZES,
    STARTS,
    STEPS,
    TARGETS,
    YES,
    LearnSettings,
)
from cnn_demo.ui.convolution.learn_target import picture_uploader
from cnn_demo.ui.page.link import LINKED_AND_PERSISTENT, link_binding
from cnn_demo.ui.page.session import SESSION
from cnn_demo.ui.widgets.choice import choose

_PLAYS, _PLAY = "learn_plays", "learn_play"


def learn_controls() -> LearnSettings:
    """Show the controls and *Learn*, and return the settings."""
    target = choose(
        "Target",
        TARGETS,
        key="learn_target",
        default=DEFAULTS["learn_target"],
        on_change=_forget,
        persist_state="session",
        help="The picture that the photo should become. The first two are the photo through a kernel: a hidden one, or "
        "the one that you chose above.",
    )
    seed = _hidden_kernel() if target == "hidden" else int(SESSION.get("learn_seed") or 0)
    if target == "own":
        picture_uploader()
    size = choose(
        "Weights to learn",
        SIZES,
        key="learn_size",
        default=DEFAULTS["learn_size"],
        on_change=_forget_if_hidden,
        persist_state="session",
    )
    rate = st.select_slider(
        "Learning rate",
        RATES,
        DEFAULTS["learn_rate"],
        key="learn_rate",
        help="Each step moves every weight by the learning rate times the slope of the loss.",
        **LINKED_AND_PERSISTENT,
    )
    noise = st.slider(
        "Noise on the target",
        0.0,
        0.3,
        DEFAULTS["learn_noise"],
        0.01,
        key="learn_noise",
        help="Standard deviation of the noise that is added to every pixel; the photo goes from 0 to 1.",
        **LINKED_AND_PERSISTENT,
    )
    st.button("Learn", key="learn", type="primary", icon=":material/play_arrow:", width="stretch", on_click=_learn)
    with st.expander("More settings"):
        momentum, steps, start, bias = _more_settings()
    return LearnSettings(target, seed, size, rate, noise, momentum, steps, start, bias)


def play_request() -> int:
    """Return the number of the click on *Learn* that this run answers, or 0."""
    return SESSION.pop(_PLAY, 0)


def _hidden_kernel() -> int:
    """Show the number of the hidden kernel."""
    seed = st.number_input(
        "Hidden kernel number",
        0,
        9999,
        DEFAULTS["learn_seed"],
        key="learn_seed",
        on_change=_forget,
        help="Each number hides another kernel, drawn at random: a blur, an edge detector, stripes...",
        bind=link_binding("learn_seed"),
        persist_state="session",
    )
    return int(seed)


def _more_settings() -> tuple[float, int, str, bool]:
    momentum = st.slider(
        "Momentum",
        0.0,
        0.95,
        DEFAULTS["learn_momentum"],
        0.05,
        key="learn_momentum",
        help="Fraction of each step that is added to the next one, as a rolling ball keeps its speed.",
        **LINKED_AND_PERSISTENT,
    )
    steps = st.select_slider(
        "Steps",
        STEPS,
        DEFAULTS["learn_steps"],
        format_func=lambda count: f"{count:,}",
        key="learn_steps",
        **LINKED_AND_PERSISTENT,
    )
    start = choose(
        "Initial weights", STARTS, key="learn_start", default=DEFAULTS["learn_start"], persist_state="session"
    )
    bias = st.toggle(
        "Learn a bias",
        key="learn_bias",
        help="One more number, which is added to every pixel.",
        **LINKED_AND_PERSISTENT,
    )
    return momentum, steps, start, bias


def _learn() -> None:
    SESSION[LEARNED] = YES
    SESSION[_PLAYS] = SESSION[_PLAY] = SESSION.get(_PLAYS, 0) + 1


def _forget() -> None:
    """Wait for *Learn* again, and hide the kernel: there is another target."""
    SESSION[LEARNED] = DEFAULTS[LEARNED]
    SESSION["learn_reveal"] = False


def _forget_if_hidden() -> None:
    if (SESSION.get("learn_target") or DEFAULTS["learn_target"]) == "hidden":  # another one, which fits the size
        _forget()
