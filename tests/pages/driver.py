"""Helpers of the page tests: open a page, read its pictures, and trigger events that AppTest cannot."""

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest

from cnn_demo.drawing.shapes import Shape, as_json
from cnn_demo.images import Photo
from cnn_demo.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]
HOME = "pages/0_Home.py"
PAGE_1, PAGE_2, PAGE_3, PAGE_4, PAGE_5, PAGE_6, PAGE_7 = (topic.page for topic in TOPICS)
SMALL = Photo(
    np.random.default_rng(2).integers(0, 256, (30, 40, 3), dtype=np.uint8), "Small noise", "digest-of-small-noise"
)


def open_app(page: str | None = None, *, photo: Photo | None = None, link: dict | None = None, **state) -> AppTest:
    """Open home, or a page, as a visitor does who follows a link.

    Args:
        page: script of the page, relative to the root; None for home.
        photo: the visitor's own photo.
        link: query parameters.
        state: session state to begin with.
    """
    app = AppTest.from_file(ROOT / "app.py", default_timeout=200)
    app.query_params.update(link or {})
    if photo is not None:
        state |= {"own_photo": photo, "photo_key": "own"}
    for key, value in state.items():
        app.session_state[key] = value
    if page is not None:
        app.switch_page(page)
    return app.run()


def open_page(
    page: str, photo: Photo | None = SMALL, link: dict | None = None, errors: int = 0, **state: object
) -> AppTest:
    """Open a page as `open_app` does; it must show no exception, and as many sentences of error as expected."""
    app = open_app(page, photo=photo, link=link, **state)
    assert_fine(app, errors)
    return app


def open_view(folder: str, view: str, photo: Photo, link: dict | None = None, **state: object) -> AppTest:
    """Open one tab of a page, without the page around it.

    Args:
        folder: of the page, in `cnn_demo/ui`.
        view: title of the tab.
        photo: the chosen photo.
        link: query parameters.
        state: session state to begin with.
    """
    app = AppTest.from_function(_view, default_timeout=200, args=(folder, view, photo))
    app.query_params.update(link or {})
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert_fine(app)
    return app


def _view(folder, view, photo):
    from importlib import import_module

    import_module(f"cnn_demo.ui.{folder}.workbench").VIEWS[view](photo)


def assert_fine(app: AppTest, errors: int = 0) -> None:
    """No exception, and as many sentences of error as expected."""
    assert [error.message for error in app.exception] == []
    assert len(app.error) == errors, [error.value for error in app.error]


def written(app: AppTest) -> str:
    """Return all text, captions and formulas, with plain minus signs."""
    return "\n".join(part.value for part in (*app.markdown, *app.caption, *app.latex)).replace("−", "-")


def html(app: AppTest) -> str:
    return "\n".join(part.proto.body for part in app.get("html"))


def component(app: AppTest, key: str) -> dict:
    """Return the data of a browser component."""
    return json.loads(app.get_by_key(key).proto.json)


def picture(app: AppTest, key: str) -> tuple[dict, np.ndarray]:
    """Return the data of the picture component, and its decoded pixels."""
    data = component(app, key)
    with Image.open(io.BytesIO(base64.b64decode(data["src"].partition(",")[2]))) as image:
        pixels = np.asarray(image)
    assert pixels.shape[:2] == (data["height"], data["width"])
    return data, pixels


def sent_photo(app: AppTest) -> np.ndarray:
    """Return the pixels that the browser computes with on page 1."""
    data = component(app, "lens_photo")["src"].removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image)


def fire(app: AppTest, key: str, event: str, value) -> AppTest:
    """Trigger an event of a browser component: AppTest has no method for that."""
    widget_id = _make_trigger_id(app.get_by_key(key).proto.id, "events")
    return send(app, widget_id, json_trigger_value=json.dumps([{"event": event, "value": value}]))


def draw(app: AppTest, key: str, shapes: Sequence[Shape]) -> AppTest:
    """Replace the shapes on an annotator, as its script does after each change."""
    data = component(app, key)
    value = {"drawing": data["drawing"], "revision": data["revision"], "shapes": as_json(shapes)}
    return fire(app, key, "drawn", value)


def send(app: AppTest, widget_id: str, **value) -> AppTest:
    """Run with the state of a widget that AppTest does not support."""
    states = app._tree.get_widget_states()
    states.widgets.add(id=widget_id, **value)
    return app._run(states)
