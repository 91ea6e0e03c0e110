"""Weights files: local lookup, download and integrity checks."""
