"""The beginning of each tab of page 4 that shows a single network: its containers, and the choice of the network."""

from streamlit.delta_generator import DeltaGenerator

from cnn_demo.models import load_classifier
from cnn_demo.models.classification.classifiers import Classifier
from cnn_demo.ui.page.layout import controls_picture_and_details
from cnn_demo.ui.widgets.model_picker import load_with_spinner, pick_model

MODEL = "model"  # one key for all these tabs: the network stays when another one is opened


def one_network(key: str, lead: str = "") -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator, Classifier]:
    """Let the visitor choose a network; return panel, picture and details of the tab, and the loaded network.

    Args:
        key: Name of the containers, unique on the page.
        lead: Sentences above the picture, as in `controls_picture_and_details`.

    Raises:
        ModelUnavailable: If the network's weights are not available.
    """
    panel, stage, details = controls_picture_and_details(key, lead)
    with panel:
        spec = pick_model(MODEL, "Model")
    with stage:
        model = load_with_spinner(spec, load_classifier)
    return panel, stage, details, model
