"""Page 4, the tab *Fool it*: adversarial noise, its effect here and elsewhere."""
