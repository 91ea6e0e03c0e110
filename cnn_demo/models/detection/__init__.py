"""Many objects and their boxes: YOLO and torchvision, from raw output to metrics."""
