"""One class for a photo: the classifiers, their layers, and single units of them."""
