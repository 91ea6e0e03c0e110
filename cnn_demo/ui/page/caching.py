"""Hash functions of photos and networks for Streamlit's caches."""

from collections.abc import Callable
from typing import Any

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier

HashFunctions = dict[str | type, Callable[[Any], Any]]

# Streamlit would hash a sample of the pixels only, and cannot hash a network.
HASH_BY_KEY: HashFunctions = {Photo: lambda photo: photo.key, Classifier: lambda model: model.spec.key}
