"""Page 3: convolutional networks."""
