"""Workbench of page 1: controls, images and views in a fragment."""

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnn_demo.convolution import output_size
from cnn_demo.images import Photo
from cnn_demo.ui.convolution import controls, views
from cnn_demo.ui.convolution.learn_kernel import learn_kernel
from cnn_demo.ui.convolution.lens import frame_was_frozen, send_photo, show_lens
from cnn_demo.ui.convolution.matrix_editor import is_matrix
from cnn_demo.ui.convolution.result import ConvolutionResult, compute, result_png
from cnn_demo.ui.convolution.settings import (
    DEFAULTS,
    MATRIX_TEXT,
    ConvolutionSettings,
    read_channel,
    read_pixel,
    read_settings,
    values_in_force,
)
from cnn_demo.ui.convolution.step_through import step_through
from cnn_demo.ui.page.fragments import end_run, fragment
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.page.link import sync_query_param
from cnn_demo.ui.page.markdown import plain
from cnn_demo.ui.page.session import SESSION

PAUSE = 0.08  # seconds
VIEWS = ("Look inside", "Step through", "Size and cost", "Frequency response", "Code", "Learn a kernel")


@fragment
def workbench(photo: Photo) -> None:
    """Show the photo before and after, the controls, and the views on the result.

    A moved slider changes the picture, so the picture is computed from session state and sent before the controls are
    drawn again. Controls take their value from the link when they are first drawn: if that changes the settings, the
    page runs once more.
    """
    if frame_was_frozen():
        st.rerun()
    sync_query_param(MATRIX_TEXT, DEFAULTS[MATRIX_TEXT], is_matrix)
    state = values_in_force(SESSION)
    panel, stage, details = controls_picture_and_details("convolution")
    pictures = stage.container(gap=None)
    settings, result = _show_result(photo, pictures)
    if result is not None:
        _wait_for_picture(photo)
        with pictures:
            send_photo(photo)
    kernel_container, chart_container, geometry_container, value_container = (panel.container() for _ in range(4))
    tabs = dict(zip(VIEWS, details.tabs(VIEWS, key="view", bind="query-params", on_change="rerun"), strict=True))
    with kernel_container:
        controls.kernel_controls()
    with geometry_container:
        controls.geometry_controls()
    with value_container:
        controls.value_controls()
        if result is not None:
            _download(photo, settings)
    if result is not None:
        with tabs["Look inside"]:
            controls.pixel_controls(result.values.shape[:2], settings.grey)
    if values_in_force(SESSION) != state:
        st.rerun()
    if result is not None:
        with chart_container:
            views.kernel_chart(settings.weights, settings.spec)
        _show_open_view(photo, tabs, settings, result)
    end_run()


def _show_result(photo: Photo, stage: DeltaGenerator) -> tuple[ConvolutionSettings, ConvolutionResult | None]:
    """Compute and show the result; if the kernel does not fit, show an error and keep the last result."""
    settings = read_settings(SESSION)
    pictures, problem = stage.container(), stage.container()
    try:
        size = output_size(photo.size, settings.weights.shape, settings.spec)
    except ValueError as error:
        sentence = f"{str(error).rstrip('.')}: choose more padding, less dilation or a smaller kernel."
        problem.error(plain(sentence), icon=":material/crop_free:")
        photo_key, fitting, size = st.session_state.get("last_fitting", (None, None, None))
        if photo_key != photo.key:
            return settings, None
        settings = fitting
    st.session_state["last_fitting"] = (photo.key, settings, size)
    pixel = read_pixel(SESSION, size)
    channel = 0 if settings.grey else read_channel(SESSION)
    result = compute(photo, settings, pixel, channel)
    with pictures:
        show_lens(photo, settings, result)
    return settings, result


def _wait_for_picture(photo: Photo) -> None:
    """Wait until the browser has drawn the new picture, before it is sent the controls and grids to draw again.

    A browser draws all that it has received at once, and the rest of the page takes it as long as everything up to the
    picture: with two plain pictures, `benchmarks/slider.py` printed 107 ms with the pause, 218 ms with PAUSE = 0. A
    visitor who moves on is not held up, since a new run ends this one. If there was no picture of this photo yet,
    nothing waits.
    """
    if st.session_state.get("pictured") == photo.key:
        time.sleep(PAUSE)
    st.session_state["pictured"] = photo.key


def _download(photo: Photo, settings: ConvolutionSettings) -> None:
    st.download_button(
        "Download the result",
        # Computed anew when it is clicked: the server would keep a result until the session ends.
        lambda: result_png(settings, compute(photo, settings, (0, 0), 0)),
        file_name="convolution.png",
        mime="image/png",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_open_view(photo: Photo, tabs: dict, settings: ConvolutionSettings, result: ConvolutionResult) -> None:
    """Compute the tab that is open, and no other."""
    shows = {
        "Look inside": lambda: views.look_inside(settings, result),
        "Step through": lambda: step_through(photo, settings),
        "Size and cost": lambda: views.size_and_cost(settings, result),
        "Frequency response": lambda: views.frequency_view(settings.weights),
        "Code": lambda: views.code_view(settings),
        "Learn a kernel": lambda: learn_kernel(photo, settings),
    }
    for name, tab in tabs.items():
        if tab.open:
            with tab:
                shows[name]()
