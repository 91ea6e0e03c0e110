"""Networks as they are trained: the localizer in torch, the pretrained encoder."""
