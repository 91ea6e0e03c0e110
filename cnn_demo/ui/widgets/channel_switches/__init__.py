"""Channels of a layer switched off or scaled, and the network's prediction without them; for pages 3 and 4."""
