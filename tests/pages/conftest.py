import pytest


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    """The pause in which a browser draws the picture has no use here."""
    from cnn_demo.ui.convolution import workbench

    monkeypatch.setattr(workbench, "PAUSE", 0)
