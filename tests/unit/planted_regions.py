"""torchvision detectors with known reasons: scores depend on one corner of the photo, boxes on the opposite one."""

from cnn_demo.models import frameworks

DECISIVE, CHANNELS = 2, 5  # the only channel that the outputs depend on
STRIDE = 8


def corner_two_stages(classes: int):
    """Build a Faster R-CNN whose first stage proposes the whole photo, and its left half.

    The logit of category 1 grows with the brightness of the region's upper left corner, the size of its boxes with that
    of the lower right one.

    Args:
        classes: Number of torchvision's categories, background included.
    """
    torch, detection = frameworks.torch(), frameworks.torchvision().models.detection

    class Proposals(torch.nn.Module):
        def filter_proposals(self, proposals, *_):
            return proposals, [torch.tensor([0.9, 0.8])]

        def forward(self, images, _maps, _targets=None):
            height, width = images.image_sizes[0]
            regions = torch.tensor([[0.0, 0, width, height], [0, 0, width / 2, height]])
            self.filter_proposals([regions], None, images.image_sizes, None)
            return [regions], {}

    class Predictor(torch.nn.Module):
        def forward(self, crops):
            upper_left, lower_right = crops[:, DECISIVE, :3, :3], crops[:, DECISIVE, -3:, -3:]
            logits = torch.full((len(crops), classes), -9.0)
            logits[:, 0] = 0
            logits[:, 1] = 6 * upper_left.mean((1, 2))
            larger = lower_right.mean((1, 2))[:, None]
            offsets = torch.cat([0 * larger, 0 * larger, larger, larger], 1) - 1  # smaller than the region
            return logits, offsets.repeat(1, classes)

    network = detection.FasterRCNN(
        _backbone(),
        min_size=128,
        max_size=256,
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((32,),), ((1.0,),)),
        box_head=torch.nn.Identity(),
        box_predictor=Predictor(),
    )
    network.rpn = Proposals()
    return network.eval()


def corner_one_stage(classes: int, size: tuple[int, int]):
    """Build an SSD whose category 1 depends on the photo's upper left quarter, and whose boxes on the lower right one.

    Args:
        classes: Number of torchvision's categories, background included.
        size: (height, width) of its input.
    """
    torch, detection = frameworks.torch(), frameworks.torchvision().models.detection

    class Head(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.classification_head = torch.nn.Identity()

        def forward(self, maps):
            grey = maps[0][0, DECISIVE]
            rows, columns = (length // 2 for length in grey.shape)
            count = grey.numel() * 4  # boxes at each position
            upper_left, lower_right = grey[:rows, :columns].mean(), grey[rows:, columns:].mean()
            logits = torch.full((1, count, classes), -9.0)
            logits[..., 0] = 0
            logits[..., 1] = 6 * upper_left
            offsets = torch.zeros(1, count, 4)
            offsets[..., 2:] = lower_right
            return {"cls_logits": logits, "bbox_regression": offsets}

    boxes = detection.anchor_utils.DefaultBoxGenerator([[2]], scales=[0.3, 0.5], steps=[STRIDE])
    network = detection.ssd.SSD(
        _backbone(), boxes, size[::-1], classes, image_mean=[0.0] * 3, image_std=[1.0] * 3, head=Head()
    )
    return network.eval()


def _backbone():
    """Return the photo's brightness at one eighth of its size, as one of several channels."""
    torch = frameworks.torch()

    class Backbone(torch.nn.Module):
        out_channels = CHANNELS

        def forward(self, pictures):
            grey = torch.nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), STRIDE)
            return torch.cat([grey if at == DECISIVE else 0 * grey + at for at in range(CHANNELS)], 1)

    return Backbone()
