"""Page 4, the tab *Fool it*: adversarial noise, its effect, and what is left of it elsewhere."""
