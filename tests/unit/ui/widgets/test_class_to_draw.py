"""The class to draw: a visitor's choice lasts as long as the photo."""

from streamlit.testing.v1 import AppTest


def _script():
    import numpy as np
    import streamlit as st

    from cnn_demo.images import Photo
    from cnn_demo.ui.widgets.class_to_draw import class_to_draw

    photo, names = st.session_state.get("shown", ("street", ["bus", "person"]))
    class_to_draw("Class", names, Photo(np.zeros((4, 4, 3), np.uint8), photo, photo), key="next", help="")


def test_each_photo_begins_with_its_likeliest_class():
    app = AppTest.from_function(_script).run()
    assert app.selectbox[0].value == "bus"
    app.selectbox[0].set_value("person").run()
    assert app.run().selectbox[0].value == "person"
    app.session_state.shown = ("team", ["dog", "person"])
    assert app.run().selectbox[0].value == "dog"
    app.session_state.shown = ("team", ["cat", "tie"])  # of another network
    assert app.run().selectbox[0].value == "cat"
