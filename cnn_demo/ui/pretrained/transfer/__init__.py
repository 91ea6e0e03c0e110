"""Page 4, *Teach it*."""
