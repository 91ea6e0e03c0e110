"""Explanations of a classifier's predictions: saliency maps, feature maps and top patches."""
