"""Semantic and instance segmentation."""
