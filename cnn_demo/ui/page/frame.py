"""The frame that every page has: heading, the idea, papers to read."""

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from cnn_demo.lessons import Lesson
from cnn_demo.topics import ROOT, TOPICS, Topic

APP_TITLE = "Deep CNNs, live"
# Streamlit would cut a long title off; here it continues on a second line.
_WRAPPED_LINKS = (
    '<style>[data-testid="stPageLink-NavLink"] [data-testid="stMarkdownContainer"], '
    '[data-testid="stPageLink-NavLink"] p {white-space: normal; overflow-wrap: normal}</style>'
)
FAVICON = str(ROOT / "assets" / "favicon.png")  # a file: a material icon would be fetched from the internet


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
        title: Title of the browser tab.
    """
    st.set_page_config(page_title=title, page_icon=FAVICON, layout="wide")
    st.html(_WRAPPED_LINKS)
    with st.sidebar:
        _page_link("app.py", f"**{APP_TITLE}**", ":material/home:")
        for topic in TOPICS:
            topic_link(topic)


def topic_link(topic: Topic) -> None:
    """Show the link to a topic's page."""
    _page_link(topic.page, _label(topic), topic.icon)


def _label(topic: Topic) -> str:
    return f"{topic.number} · {topic.title}"


def _page_link(page: str, label: str, icon: str) -> None:
    try:
        st.page_link(page, label=label, icon=icon)
    except StreamlitPageNotFoundError:  # the page was started by itself, without app.py, so there is nothing to link to
        st.caption(f"{icon} {label}")


def read_next(lesson: Lesson) -> None:
    """List the papers to read next."""
    st.subheader("Further reading", anchor=False)
    lines = [f"- {p.authors} ({p.year}). [{p.title}]({p.url}): {p.why}." for p in lesson.papers]
    st.markdown("\n".join(lines))
