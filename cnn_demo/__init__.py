"""Deep convolutional networks, live: everything behind the pages of the demonstration."""
