"""Model registry: metadata of all models, without loading them."""
