"""Page 4, *Transfer learning*."""
