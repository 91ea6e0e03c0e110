"""Mixed precision of the trainings: bfloat16 if the device computes in it faster than in float32."""

from cnn_demo.models import frameworks

torch = frameworks.torch()


def fast_bfloat16(device: str) -> bool:
    """Return whether a device ("cuda" or "cpu") computes in bfloat16 itself: GPUs do, of processors some."""
    return device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device: str, *, depthwise: bool = False):
    """Return torch's context in which convolutions compute in bfloat16 if that is faster; weights stay float32.

    Args:
        device: "cuda" or "cpu".
        depthwise: Whether the network has depthwise convolutions, whose gradients take three times as long in bfloat16
            on a processor as in float32.
    """
    enabled = fast_bfloat16(device) and (device == "cuda" or not depthwise)
    return torch.autocast(device, torch.bfloat16, enabled=enabled)
