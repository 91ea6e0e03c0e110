"""Page 3, receptive fields."""
