"""The photos and labels that networks learn from, and the pictures made of them."""
