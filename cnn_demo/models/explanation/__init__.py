"""Why a classifier predicts a class: saliency maps, feature maps, top patches."""
