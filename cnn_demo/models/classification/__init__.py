"""Image classification: classifiers, their layers and single units."""
