"""Object detection with YOLO and torchvision, from raw output to metrics."""
