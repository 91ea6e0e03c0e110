"""From numbers to pictures: values, heatmaps, boxes, masks and their colours."""
