"""Page 3, the photo on its way through the network."""
