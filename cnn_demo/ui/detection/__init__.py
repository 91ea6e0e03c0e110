"""Page 6: object detection."""
