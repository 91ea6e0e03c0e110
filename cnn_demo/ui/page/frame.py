"""The frame that every page has: heading, the idea, papers to read, and the footer."""

from contextlib import suppress
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException, StreamlitPageNotFoundError
from streamlit.navigation.page import StreamlitPage

from cnn_demo.environment import wrong_settings
from cnn_demo.lessons import Lesson
from cnn_demo.limits import SERVER_MB
from cnn_demo.project import ROOT, about
from cnn_demo.topics import TOPICS, Topic
from cnn_demo.ui.page.barrier import guard_page
from cnn_demo.ui.page.disconnected import end_disconnected_sessions
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.photo_picker import open_with
from cnn_demo.ui.page.server import end_promptly
from cnn_demo.ui.page.warm_up import warm_up

APP_TITLE = "Deep CNNs, live"
HOME = "pages/0_Home.py"
ABOUT = "pages/8_About.py"
LICENCE_URL = "https://www.gnu.org/licenses/agpl-3.0.html"
FAVICON = str(ROOT / "assets" / "favicon.png")  # a file: a material icon would be fetched from the internet
# The page begins below the header; long titles wrap; captions reach a contrast of 4.5 to 1 on either background.
_STYLE = Path(__file__).with_name("frame.css")
# Uploads stay in memory; above 1 MB, Starlette would write them to a temporary file first.
MultiPartParser.spool_max_size = SERVER_MB * 2**20


def navigate() -> StreamlitPage:
    """Show the navigation at the top of the window, and return the page that the visitor opened.

    Every page does it too: if the first request to a new server is for a page, Streamlit runs it without app.py.
    """
    st.set_page_config(layout="wide")  # first of all, or the heading is drawn in a narrow column, and jumps
    _check_settings()
    end_disconnected_sessions()
    end_promptly()
    warm_up()
    home = st.Page(HOME, title="Home", default=True)  # no icons: Streamlit would fetch them from the internet
    topics = [st.Page(topic.page, title=f"{topic.number} · {topic.short}") for topic in TOPICS]
    hidden = st.Page(ABOUT, title="About", visibility="hidden")  # the footer links to it
    return st.navigation([home, *topics, hidden], position="top")


def _check_settings() -> None:
    """Show the operator's wrong settings instead of the page; `python -m cnn_demo serve` does not start with them."""
    if problems := wrong_settings(of_pages=True):
        st.error(plain("This server has a wrong setting. " + " ".join(problems)), icon=":material/error:")
        st.stop()


def open_page(number: int, lesson: Lesson) -> DeltaGenerator:
    """Set up page `number`: browser tab, heading and the idea in one sentence.

    Returns:
        The container at the right of the heading, for the menu of experiments.
    """
    topic = TOPICS[number - 1]
    set_up(f"{topic.title} · {APP_TITLE}")
    open_with(topic.photo)
    with st.container(key="heading", horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap="xxsmall"):
            st.header(f"{topic.icon} {topic.title}", anchor=False)
            st.markdown(lesson.idea)
        return st.container(width="content")


def set_up(title: str) -> None:
    """Set up any page: browser tab and style.

    Args:
        title: Title of the browser tab.
    """
    guard_page()
    st.set_page_config(page_title=title, page_icon=FAVICON, layout="wide")
    with suppress(StreamlitAPIException):  # the page was started by itself, without app.py
        navigate()
    st.html(_STYLE)


def topic_link(topic: Topic) -> None:
    """Show the link to a topic's page."""
    _page_link(topic.page, _label(topic), topic.icon)


def _label(topic: Topic) -> str:
    return f"{topic.number} · {topic.title}"


def _page_link(page: str, label: str, icon: str | None = None) -> None:
    try:
        st.page_link(page, label=label, icon=icon)
    except StreamlitPageNotFoundError:  # the page was started by itself, without app.py, so there is nothing to link to
        st.caption(f"{icon} {label}" if icon else label)


def read_next(lesson: Lesson) -> None:
    """List the papers to read next."""
    st.subheader("Further reading", anchor=False)
    lines = [f"- {p.authors} ({p.year}). [{p.title}]({p.url}): {p.why}." for p in lesson.papers]
    st.markdown("\n".join(lines))
    footer()


def footer() -> None:
    """Show version, licence and source code (AGPL-3.0, section 13), and the link to the page "About"."""
    facts = about()
    parts = [f"{APP_TITLE} {facts.version}", f"[{facts.licence}]({LICENCE_URL})"]
    if facts.source:
        parts.append(f"[Source code](<{facts.source}>)")
    with st.container(key="footer", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(" · ".join(parts), width="content")
        _page_link(ABOUT, "About")
