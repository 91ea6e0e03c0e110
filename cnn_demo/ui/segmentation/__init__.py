"""Page 7: segmentation."""
