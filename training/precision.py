"""In which numbers a training computes: bfloat16 where the machine has it, float32 where it would only be emulated."""

from cnn_demo.models import frameworks

torch = frameworks.torch()


def fast_bfloat16(device: str) -> bool:
    """Say whether a device ("cuda" or "cpu") computes in bfloat16 itself: GPUs do, of processors some."""
    return device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device: str):
    """Return torch's context in which convolutions compute in bfloat16 where that is faster; weights stay float32."""
    return torch.autocast(device, torch.bfloat16, enabled=fast_bfloat16(device))
