"""Adversarial examples: the smallest noise that changes a prediction, and what is left of it in other conditions."""
