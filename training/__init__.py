"""The programs that trained the bundled weights, one per model, and `evaluate.py`, which measures them all."""
