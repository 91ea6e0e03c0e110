"""Page 4, the tab *Compare classes*: why one class and not another."""
