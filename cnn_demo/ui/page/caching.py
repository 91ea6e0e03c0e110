"""Hash functions of photos and networks for Streamlit's caches."""

from cnn_demo.images import Photo
from cnn_demo.models.classification.classifiers import Classifier

# Streamlit would hash a sample of the pixels only, and cannot hash a network.
HASH_BY_KEY = {Photo: lambda photo: photo.key, Classifier: lambda model: model.spec.key}
