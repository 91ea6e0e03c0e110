"""Predictions as files: boxes and masks in the formats that other tools read."""
