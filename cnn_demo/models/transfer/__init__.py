"""Transfer learning: photo sets, backbones, new heads and fine-tuning."""
