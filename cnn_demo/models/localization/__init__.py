"""One object and its box."""
