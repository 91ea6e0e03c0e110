"""Adversarial examples: the smallest noise that changes a prediction, and its effect in other conditions."""
