"""Drawing of values, heatmaps, boxes and masks, and their colours."""
