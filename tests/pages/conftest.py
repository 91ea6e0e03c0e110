import pytest


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    """The pause in which a browser draws the picture has no use here."""
    from cnn_demo.ui import convolution_workbench

    monkeypatch.setattr(convolution_workbench, "PAUSE", 0)
