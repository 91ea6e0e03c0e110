"""Home and every page: they open from home, from a link and with any photo."""

from dataclasses import replace

import numpy as np
import pytest
from driver import HOME, PAGE_1, ROOT, SMALL, assert_fine, open_app, open_view, picture, sent_photo, written
from streamlit.testing.v1 import AppTest

from cnn_demo.environment import SOURCE
from cnn_demo.images import Photo, read_photo
from cnn_demo.images.samples import sample_photos
from cnn_demo.machine import describe_machine
from cnn_demo.models import find, gpu_memory, list_models
from cnn_demo.project import about
from cnn_demo.topics import TOPICS, Topic
from cnn_demo.ui.page.frame import ABOUT, APP_TITLE, LICENCE_URL
from cnn_demo.ui.widgets import model_table


@pytest.fixture(scope="module", params=TOPICS, ids=lambda topic: topic.title)
def topic(request) -> Topic:
    """Each page in turn, with all tests of it in succession: its networks are loaded once."""
    return request.param


def test_home_shows_all_topics_and_the_machine():
    app = open_app()
    assert_fine(app)
    assert app.header[0].value == "Deep CNNs, live"
    shown = " ".join(caption.value for caption in app.main.caption)
    assert all(topic.summary in shown for topic in TOPICS)
    assert len(app.image) == len(TOPICS)
    labels = [metric.label for metric in app.metric]
    assert labels == ["Networks run on", "Free memory", "Weights available locally"]
    assert app.metric[0].value in ("NVIDIA GPU", "Apple GPU", "CPU")


@pytest.mark.parametrize(
    ("folder", "key"), [("pretrained", "cifar10_cnn"), ("detection", "everyday_detector"), ("segmentation", "pet_unet")]
)
def test_tables_of_models_show_the_memory_of_an_nvidia_gpu(folder, key, monkeypatch):
    assert "GPU megabytes" not in open_view(folder, "Models", SMALL).dataframe[0].value
    machine = replace(describe_machine(), device="cuda", device_memory=8_000_000_000)
    monkeypatch.setattr(model_table, "describe_machine", lambda: machine)
    monkeypatch.setattr(gpu_memory, "taken", lambda: {key: gpu_memory.Taken(3_400_000, 52_000_000)})
    table = open_view(folder, "Models", SMALL).dataframe[0].value.set_index("Model")
    shown = table[["GPU megabytes", "GPU megabytes for a photo"]]
    assert shown.loc[find(key).title].tolist() == [3.4, 52]
    assert shown.drop(index=find(key).title).isna().all(axis=None)


def test_home_links_to_every_topic():
    app = open_app()
    links = [link.label for link in app.main.page_link]
    assert links == [*(f"{topic.number} · {topic.title}" for topic in TOPICS), "About"]


def test_home_lists_the_weights_of_the_operators_folder(tmp_path, monkeypatch):
    (tmp_path / "my_own_net.safetensors").write_bytes(bytes(2_500_000))
    monkeypatch.setenv("CNN_DEMO_WEIGHTS", str(tmp_path))
    app = open_app()
    assert "my\\_own\\_net.safetensors · 2.5 MB · weights folder" in [caption.value for caption in app.caption]
    assert int(app.metric[2].value) >= 1


def test_home_names_a_network_of_the_hub_by_its_repository(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--smp-hub--segformer-b0-512x512-ade-160k" / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(bytes(2_500_000))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    captions = [caption.value for caption in open_app().caption]
    assert "segformer-b0-512x512-ade-160k.safetensors · 2.5 MB · cache" in captions


def test_a_page_opens_from_home(topic):
    app = open_app()
    app.switch_page(topic.page).run()
    assert_fine(app)
    assert app.header[0].value == f"{topic.icon} {topic.title}"


def test_a_page_opens_by_itself(topic):
    app = AppTest.from_file(ROOT / topic.page, default_timeout=200).run()
    assert_fine(app)
    assert app.header[0].value == f"{topic.icon} {topic.title}"


def test_a_page_teaches(topic):
    app = open_app(topic.page)
    assert 3 <= len(app.selectbox(key="try_this").options) <= 12
    assert "Common misconceptions" in [heading.value for heading in app.subheader]
    assert len(app.expander) >= 4
    assert "https://" in app.markdown[-1].value


def footer(app: AppTest) -> str:
    return next(caption.value for caption in app.caption if caption.value.startswith(APP_TITLE))


def test_every_page_names_version_licence_and_source(topic, monkeypatch):
    monkeypatch.setenv(SOURCE, "https://example.org/our-version")
    app = open_app(topic.page)
    assert footer(app).startswith(f"{APP_TITLE} {about().version} · [AGPL-3.0-or-later]({LICENCE_URL})")
    assert footer(app).endswith("[Source code](<https://example.org/our-version>)")
    assert app.main.page_link[-1].label == "About"


@pytest.mark.parametrize("source", ["", "javascript:alert(1)", "https://a> [b](c)"])
def test_the_footer_links_to_addresses_only(source, monkeypatch):
    monkeypatch.setenv(SOURCE, source)
    app = open_app()
    assert footer(app) == f"{APP_TITLE} {about().version} · [AGPL-3.0-or-later]({LICENCE_URL})"


def test_about_names_the_machines_of_a_cluster(monkeypatch):
    assert not [each for each in open_app(ABOUT).markdown if "other machines of the operator" in each.value]
    monkeypatch.setenv("CNN_DEMO_BACKEND", "ray")
    (privacy,) = [each.value for each in open_app(ABOUT).markdown if each.value.startswith("Your photos")]
    assert "other machines of the operator, which get the pixels" in privacy


def test_about_shows_every_bundled_network_its_card_and_the_credits():
    app = open_app(ABOUT)
    assert_fine(app)
    table = app.dataframe[0].value
    bundled = [spec for spec in list_models() if spec.card() is not None or spec.family == "efficientnet_lite"]
    assert list(table["network"]) == [spec.title for spec in bundled]
    assert list(table["licence of the weights"]) == [spec.licence for spec in bundled]
    choice = app.main.selectbox[0]
    assert choice.options == [spec.title for spec in bundled if spec.card() is not None]
    for title in choice.options:
        assert_fine(choice.select(title).run())
        assert "## " not in app.markdown[-1].value.replace("##### ", "")
    text = written(app)
    assert all(photo.path.name in text for photo in sample_photos() if photo.path.is_relative_to(ROOT / "assets"))
    assert footer(app)


def test_a_page_shows_a_phones_photo_upright(topic, phone_photo):
    photo = read_photo(phone_photo, "IMG_1234.jpg")
    app = open_app(topic.page, photo=photo)
    assert_fine(app)
    assert any("IMG\\_1234.jpg** · 32 × 48 pixels" in caption.value for caption in app.caption)
    if topic.page == PAGE_1:
        pixels = sent_photo(app)
        assert pixels.shape == (48, 32, 3)
        np.testing.assert_allclose(pixels[4, 16], (30, 20, 60), atol=12)  # the sensor's left half is on top
        np.testing.assert_allclose(pixels[-4, 16], (220, 180, 40), atol=12)


def test_a_page_accepts_the_smallest_photos(topic):
    for shape in ((1, 1), (1, 300) if topic.number % 2 else (300, 1)):
        pixels = np.full((*shape, 3), 90, np.uint8)
        assert_fine(open_app(topic.page, photo=Photo(pixels, "dot", f"digest-{shape}")))


def test_settings_survive_navigation_between_pages():
    app = open_app(PAGE_1)
    app.selectbox(key="kernel").set_value("gabor").run()
    app.slider(key="gabor_wavelength").set_value(9.0)
    app.slider(key="stride").set_value(3)
    app.toggle(key="grey").set_value(True)
    app.segmented_control(key="padding").set_value("explicit").run()
    app.slider(key="pad").set_value(7).run()
    caption = picture(app, "lens")[0]["captions"]["after"]
    app.switch_page(HOME).run()
    assert_fine(app)
    app.query_params.clear()  # a link in the navigation carries none
    app.switch_page(PAGE_1).run()
    assert_fine(app)
    assert app.selectbox(key="kernel").value == "gabor"
    assert app.slider(key="gabor_wavelength").value == 9.0
    assert app.slider(key="stride").value == 3
    assert app.toggle(key="grey").value is True
    assert app.segmented_control(key="padding").value == "explicit"
    assert app.slider(key="pad").value == 7
    assert picture(app, "lens")[0]["captions"]["after"] == caption
