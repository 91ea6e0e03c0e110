import pytest
from streamlit.testing.v1 import AppTest


def _page():
    import streamlit as st

    from cnn_demo.ui.widgets.choice import choose

    st.session_state["chosen"] = choose("Padding", {"same": "Same", "valid": "Valid"}, key="padding", default="same")
    st.session_state["number"] = choose("Layer", [1, 2], key="layer", default=1)


def _page_of_an_index():
    import streamlit as st

    from cnn_demo.ui.widgets.choice import index_field

    st.session_state["index"] = index_field("Channel", 8, key="channel", placeholder="3, the strongest")


def test_a_choice_starts_with_its_default():
    app = AppTest.from_function(_page).run()
    assert (app.session_state["chosen"], app.session_state["number"]) == ("same", 1)
    app.session_state["padding"] = "valid"
    assert app.run().session_state["chosen"] == "valid"


def test_a_link_may_leave_a_choice_empty():
    app = AppTest.from_function(_page)
    app.session_state["padding"] = None
    app.session_state["layer"] = None
    app.run()
    assert not app.exception
    assert (app.session_state["chosen"], app.session_state["number"]) == ("same", 1)


@pytest.mark.parametrize(("held", "index"), [(None, None), (0, 0), (7, 7), (40, 7), (-2, 0)])
def test_an_index_is_within_its_range(held, index):
    app = AppTest.from_function(_page_of_an_index)
    app.session_state["channel"] = held
    app.run()
    assert not app.exception
    assert app.session_state["index"] == index
    assert app.number_input[0].label == "Channel, 0 to 7"
