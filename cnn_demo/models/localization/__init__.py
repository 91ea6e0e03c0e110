"""Object localization: one object and its box."""
