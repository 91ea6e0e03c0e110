"""What all page tests get: no pause, and no search for installed components whenever a page is opened."""

import functools

import pytest
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def _one_search_for_components():
    """Each AppTest reads the metadata of every installed package, which takes longer than most pages do."""
    patch = pytest.MonkeyPatch()
    patch.setattr(
        manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
    )
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    """The pause in which a browser draws the picture has no use here."""
    from cnn_demo.ui.convolution import workbench

    monkeypatch.setattr(workbench, "PAUSE", 0)
