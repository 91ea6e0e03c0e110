"""Page 4: pretrained classifiers."""
