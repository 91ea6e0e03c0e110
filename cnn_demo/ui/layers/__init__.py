"""Page 2: layers."""
