"""The frame that every page has: heading, the idea, experiments to try, papers to read."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from cnn_demo.lessons import Experiment, Lesson
from cnn_demo.topics import ROOT, TOPICS, Topic
from cnn_demo.ui.photo_picker import choose

APP_TITLE = "Deep CNNs, live"
FAVICON = str(ROOT / "assets" / "favicon.png")  # a file, for a material icon would be fetched from the internet


def open_page(number: int, lesson: Lesson) -> Topic:
    """Set up page `number`: browser tab, navigation, heading and the idea in one sentence."""
    topic = TOPICS[number - 1]
    set_up(f"{topic.title} · {APP_TITLE}")
    st.header(f"{topic.icon} {topic.title}", anchor=False)
    st.markdown(lesson.idea)
    return topic


def set_up(title: str) -> None:
    """Set up any page: browser tab and navigation.

    Args:
        title: What the browser's tab says.
    """
    st.set_page_config(page_title=title, page_icon=FAVICON, layout="wide")
    with st.sidebar:
        _page_link("app.py", f"**{APP_TITLE}**", ":material/home:")
        for topic in TOPICS:
            topic_link(topic)


def topic_link(topic: Topic) -> None:
    """Show the link to a topic's page, or its title alone while the page is in the making."""
    label = f"{topic.number} · {topic.title}"
    if topic.is_built:
        _page_link(topic.page, label, topic.icon)
    else:
        st.caption(f"{topic.icon} {label} (in the making)")


def _page_link(page: str, label: str, icon: str) -> None:
    try:
        st.page_link(page, label=label, icon=icon)
    except StreamlitPageNotFoundError:  # the page was started by itself, without app.py: there is nowhere to link to
        st.caption(f"{icon} {label}")


def try_this(lesson: Lesson, defaults: Mapping[str, Any]) -> None:
    """Offer the lesson's experiments: one click moves the real controls, so that the visitor can go on from there.

    Args:
        lesson: Holds the experiments.
        defaults: Widget key to default value, of all controls that an experiment may move.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Try this**", width="content")
        for index, experiment in enumerate(lesson.experiments):
            st.button(
                experiment.title,
                key=f"try_{index}",
                icon=":material/science:",
                on_click=_set_up,
                args=(index, experiment, dict(defaults)),
            )
        st.button("Start over", key="try_reset", type="tertiary", on_click=_set_up, args=(None, None, dict(defaults)))
    tried = st.session_state.get("tried")
    if tried is not None:
        st.info(f"**What to notice.** {lesson.experiments[tried].notice}", icon=":material/visibility:")


def _set_up(index: int | None, experiment: Experiment | None, defaults: dict[str, Any]) -> None:
    st.session_state.update(defaults)
    st.session_state["tried"] = index
    if experiment is not None:
        st.session_state.update(experiment.settings)
        if experiment.photo:
            choose(experiment.photo)


def read_next(lesson: Lesson) -> None:
    """List the papers to read next."""
    st.subheader("Read next", anchor=False)
    for paper in lesson.papers:
        st.markdown(f"- {paper.authors} ({paper.year}). [{paper.title}]({paper.url}): {paper.why}.")
