"""Choosing a photo: samples, patterns, uploads good and broken, the camera, and links."""

import re

import pytest
from driver import HOME, PAGE_1, PAGE_6, assert_fine, component, fire, open_app, sent_photo
from streamlit.runtime.uploaded_file_manager import DeletedFile

from cnn_demo.convolution import PATTERNS
from cnn_demo.images import sample_photos
from cnn_demo.images.validation import MAX_BYTES
from cnn_demo.lessons.detection import LESSON as DETECTION
from cnn_demo.ui.convolution import learn_target
from cnn_demo.ui.detection import video
from cnn_demo.ui.page import photo_picker, uploads
from cnn_demo.ui.page.markdown import plain

BROKEN = {
    "text": b"Dear Sir or Madam",
    "empty": b"",
    "cut off": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "gif": b"GIF89a" + bytes(50),
}


def caption(app) -> str:
    """The caption of the current photo."""
    return next(text.value for text in app.caption if " pixels" in text.value and text.value.startswith("**"))


def upload(app, data: bytes, name: str = "photo.jpg"):
    app.file_uploader[0].upload(name, data, "image/jpeg")
    return app.run()


def test_the_first_sample_is_where_a_page_begins():
    app = open_app(PAGE_1)
    assert app.session_state["photo_key"] == sample_photos()[0].key
    assert "photo" not in app.query_params
    assert "Chelsea the cat" in caption(app)


def test_a_page_begins_with_its_own_photo_until_the_visitor_chooses_one():
    app = open_app(PAGE_1)
    app.switch_page(PAGE_6).run()
    assert "bus" in caption(app).lower()
    assert "photo" not in app.query_params
    app.switch_page(PAGE_1).run()
    assert "Chelsea the cat" in caption(app)
    fire(app, "gallery", "pick", "chelsea")
    app.query_params.clear()  # as the navigation does
    app.switch_page(PAGE_6).run()
    assert_fine(app)
    assert "Chelsea the cat" in caption(app)
    assert app.query_params["photo"] == "chelsea"


def test_undo_leaves_a_photo_unchosen():
    app = open_app(PAGE_6)
    start = next(each for each in DETECTION.experiments if each.photo)
    app.selectbox(key="try_this").set_value(start.title).run()
    app.button(key="undo_experiment").click().run()
    assert "bus" in caption(app).lower()
    app.switch_page(PAGE_1).run()
    assert "Chelsea the cat" in caption(app)


def test_every_thumbnail_can_be_chosen():
    titles = {sample.key: sample.title for sample in sample_photos()}
    titles |= {name: pattern.title for name, pattern in PATTERNS.items()}
    app = open_app(PAGE_1)
    for key in reversed(titles):
        fire(app, "gallery", "pick", key)
        assert_fine(app)
        assert app.session_state["photo_key"] == key
        assert app.query_params["photo"] == key
        assert caption(app).startswith(f"**{titles[key]}**")


def test_a_thumbnail_that_was_not_offered_is_not_chosen():
    app = open_app(PAGE_1)
    for key in ("nothing", "own", "", None, 7, "../../etc/passwd"):
        fire(app, "gallery", "pick", key)
        assert_fine(app)
        assert app.session_state["photo_key"] == sample_photos()[0].key


def test_a_link_names_a_photo():
    app = open_app(PAGE_1, link={"photo": "chirp"})
    assert_fine(app)
    assert app.session_state["photo_key"] == "chirp"
    assert app.query_params["photo"] == "chirp"


@pytest.mark.parametrize("name", ["nothing", "own", "", "../chelsea", "<b>"])
def test_a_link_to_a_missing_photo_is_corrected(name):
    app = open_app(PAGE_1, link={"photo": name})
    assert_fine(app)
    assert app.session_state["photo_key"] == sample_photos()[0].key
    assert "photo" not in app.query_params


def test_an_upload_is_shown_upright_and_its_file_is_released(phone_photo):
    app = upload(open_app(PAGE_1, link={"photo": "coffee"}), phone_photo, "IMG_0001.jpg")
    assert_fine(app)
    assert app.session_state["photo_key"] == "own"
    assert app.session_state["own_photo"].pixels.shape == (48, 32, 3)
    assert app.query_params["photo"] == "own"
    assert caption(app).startswith("**IMG\\_0001.jpg** · 32 × 48 pixels")
    assert sent_photo(app).shape == (48, 32, 3)
    assert app.file_uploader[0].value is None
    assert not [key for key, value in app.session_state.items() if "UploadedFile" in type(value).__name__]


def test_a_photo_uploaded_on_home_opens_every_page(phone_photo):
    app = upload(open_app(), BROKEN["text"])
    assert_fine(app, errors=1)
    app = upload(app, phone_photo, "IMG_0001.jpg")
    assert_fine(app)
    assert "photo" not in app.query_params
    app.switch_page(PAGE_6).run()
    assert "IMG" in caption(app)
    assert app.query_params["photo"] == "own"


def test_a_lost_upload_is_reported_until_another_photo_is_chosen(phone_photo):
    app = upload(open_app(PAGE_1), phone_photo)
    again = open_app(PAGE_1, link=dict(app.query_params))
    assert_fine(again)
    assert [note.value for note in again.info if "upload it again" in note.value]
    assert again.session_state["photo_key"] == sample_photos()[0].key
    assert "photo" not in again.query_params
    fire(again, "gallery", "pick", "coffee")
    assert len(again.info) == 0


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_in_one_sentence_and_the_photo_stays(kind, phone_photo):
    app = upload(open_app(PAGE_1), phone_photo)
    before = app.session_state["own_photo"]
    upload(app, BROKEN[kind])
    assert_fine(app, errors=1)
    assert re.fullmatch(r"This [^.\n]+\.", app.error[0].value)
    assert app.session_state["own_photo"] == before
    assert app.session_state["photo_key"] == "own"
    assert sent_photo(app).shape == (48, 32, 3)
    upload(app, phone_photo[:-1] + phone_photo[-1:])
    assert_fine(app)


def test_a_broken_file_leaves_the_sample():
    app = upload(open_app(PAGE_1, link={"photo": "coffee"}), BROKEN["text"])
    assert_fine(app, errors=1)
    assert app.session_state["photo_key"] == "coffee"
    assert "own_photo" not in app.session_state
    fire(app, "gallery", "pick", "rocket")
    assert_fine(app)  # the error of a file disappears once another photo is shown


def test_too_large_a_file_is_refused():
    app = upload(open_app(PAGE_1), b"\xff\xd8\xff" + bytes(MAX_BYTES))
    assert_fine(app, errors=1)
    assert "at most 20 MB" in app.error[0].value


def test_one_upload_after_another(jpeg):
    app = open_app(PAGE_1)
    for width in (20, 30, 40):
        upload(app, jpeg(width, 24), f"{width}.jpg")
        assert_fine(app)
        assert app.session_state["own_photo"].pixels.shape == (24, width, 3)
    fire(app, "gallery", "pick", "coffee")
    fire(app, "gallery", "pick", "own")
    assert app.session_state["photo_key"] == "own"
    assert caption(app).startswith("**40.jpg**")


def test_a_large_photo_is_worked_on_smaller(jpeg):
    app = upload(open_app(PAGE_1), jpeg(2000, 1000))
    assert_fine(app)
    assert "2,000 × 1,000 pixels, resized to 1,280 × 640" in caption(app)
    used = "Computed on 1,280 × 640 of the file’s 2,000 × 1,000 pixels."
    assert component(app, "lens")["captions"]["before"].endswith(used)
    fire(app, "gallery", "pick", "coffee")
    assert "Computed on" not in component(app, "lens")["captions"]["before"]


@pytest.mark.parametrize(
    "name", ["![x](http://example.com/x.png).jpg", "**a** `b` ~c~ $d$.jpg", ":red[x] <b>y</b> #z|.jpg", "a\\*b.jpg"]
)
def test_a_files_name_is_never_markdown(name, jpeg):
    app = upload(open_app(PAGE_1), jpeg(), name)
    assert_fine(app)
    assert caption(app).startswith(f"**{plain(app.session_state['own_photo'].name)}** · ")


def test_the_camera_starts_only_when_it_is_opened(phone_photo):
    app = open_app(PAGE_1)
    assert len(app.camera_input) == 0
    app.session_state["camera"] = True
    app.run()
    assert_fine(app)
    app.camera_input[0].upload("snapshot.jpg", phone_photo, "image/jpeg").run()
    assert_fine(app)
    assert app.session_state["photo_key"] == "own"
    assert app.session_state["own_photo"].pixels.shape == (48, 32, 3)
    assert app.camera_input[0].value is None


def test_the_photo_follows_the_visitor(phone_photo):
    app = upload(open_app(PAGE_1), phone_photo)
    app.switch_page(HOME).run()
    app.switch_page(PAGE_1).run()
    assert_fine(app)
    assert app.session_state["photo_key"] == "own"
    assert sent_photo(app).shape == (48, 32, 3)


@pytest.mark.parametrize("uploader", [photo_picker, learn_target, video])
def test_a_file_that_was_taken_already_changes_nothing(uploader, monkeypatch):
    """The browser reports an upload again if its run was interrupted."""
    state = {"upload_0": DeletedFile("1")}
    monkeypatch.setattr(uploads.st, "session_state", state)
    uploader._receive("upload_0")
    assert state == {"upload_0": DeletedFile("1")}
