"""A photo of which a visitor covers parts, or removes colour, shape or texture, and the predictions that follow."""
