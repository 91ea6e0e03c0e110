"""Page 5: localization."""
