"""The table of all models: their rows, without loading anything."""
