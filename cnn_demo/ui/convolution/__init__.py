"""Page 1: convolution."""
