"""The page "About": version, licence and source of the app, its networks and their licences, credits of the photos."""

import re
from collections import defaultdict

import pandas as pd
import streamlit as st

from cnn_demo.environment import SOURCE
from cnn_demo.models import ModelSpec, list_models
from cnn_demo.models.cluster.settings import uses_cluster
from cnn_demo.project import ROOT, about
from cnn_demo.ui.page.frame import APP_TITLE, LICENCE_URL, footer, set_up

CREDITS = {
    "Sample photos": "assets/samples/CREDITS.md",
    "Sample video": "assets/sample_video/CREDITS.md",
    "Sample photos for transfer learning": "assets/sample_sets/CREDITS.md",
}
_KEPT = "Your photos and videos stay in this server's memory, reduced and without metadata, until your session ends. "
_LOADS_NOTHING = "The page loads nothing from other servers, and counts no visits."
PRIVACY = (
    f"{_KEPT}They are not written to a disk, not used for anything else, and not sent to any other server. "
    f"{_LOADS_NOTHING}"
)
PRIVACY_WITH_CLUSTER = (
    f"{_KEPT}Networks run on other machines of the operator, which get the pixels for each prediction. Your photos and "
    f"videos are not used for anything else, and not sent to any other server. {_LOADS_NOTHING}"
)


def about_page() -> None:
    """Show the page."""
    set_up(f"About · {APP_TITLE}")
    st.header("About", anchor=False)
    _app()
    with st.container(key="about_models"):
        st.subheader("Networks and their licences", anchor=False)
        _networks()
    st.subheader("Credits", anchor=False)
    for title, file in CREDITS.items():
        with st.expander(title):
            st.markdown(_without_heading((ROOT / file).read_text(encoding="utf-8")))
    footer()


def _app() -> None:
    facts = about()
    source = (
        f"Its source code, in the version that runs here, is at <{facts.source}>."
        if facts.source
        else f"Ask the operator of this server for its source code; {SOURCE} can name its address here."
    )
    st.markdown(
        f"{APP_TITLE}, version {facts.version}, is free software under the "
        f"[GNU Affero General Public License]({LICENCE_URL}) ({facts.licence}): you may use, study, share and "
        f"change it, and whoever serves a changed version offers its source code to its visitors. {source}"
    )
    st.markdown(PRIVACY_WITH_CLUSTER if uses_cluster() else PRIVACY)


def _networks() -> None:
    rows = list_models()
    bundled = [spec for spec in rows if spec.card() is not None or spec.family == "efficientnet_lite"]
    st.markdown("These come with the app and work offline:")
    st.dataframe(
        pd.DataFrame(
            [
                (spec.title, spec.task.replace("-", " "), spec.parameters / 1e6, spec.licence, spec.training_data)
                for spec in bundled
            ],
            columns=["network", "task", "parameters (millions)", "licence of the weights", "data"],
        ),
        hide_index=True,
        column_config={"parameters (millions)": st.column_config.NumberColumn(format="%.2f")},
    )
    cards = {spec.title: spec for spec in bundled if spec.card() is not None}
    chosen = st.selectbox("Model card", list(cards), index=None, placeholder="Choose a network")
    if chosen is not None:
        with st.container(border=True):
            st.markdown(_without_heading(cards[chosen].card() or ""))
    with st.expander("Networks that are downloaded when a visitor chooses them"):
        st.markdown(_by_licence([spec for spec in rows if spec not in bundled]))


def _by_licence(specs: list[ModelSpec]) -> str:
    """Return a list of Markdown: each licence with its networks."""
    titles: dict[str, list[str]] = defaultdict(list)
    for spec in specs:
        titles[spec.licence].append(spec.title)
    return "\n".join(f"- **{licence}**: {', '.join(names)}" for licence, names in titles.items())


def _without_heading(text: str) -> str:
    """Return a document of the repository without its title, with smaller headings and without links to its files."""
    text = re.sub(r"\A# .*\n+", "", text)
    text = re.sub(r"^##+ ", "##### ", text, flags=re.MULTILINE)
    return re.sub(r"\[([^\]]+)\]\((?!https?://)[^)]*\)", r"\1", text)
