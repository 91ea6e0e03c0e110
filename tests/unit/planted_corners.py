"""A detector in torch whose reasons are known: scores depend on one corner of the photo, boxes on the opposite one."""

from cnn_demo.models import frameworks

STRIDES = (8, 16, 32)
DECISIVE, CHANNELS = 2, 5  # the only channel that the outputs depend on


def corner_detector(classes: int = 3, *, needs_nms: bool = True, left_first: bool = True):
    """Build a network with the interface of `yolo_engines.with_raw_outputs`.

    The score of class 0 in every cell grows with the brightness of the photo's upper left quarter, that of class 1 with
    that of its upper right quarter. All distances to the sides grow with the brightness of the lower right quarter.

    Args:
        classes: Number of classes.
        needs_nms: Whether it claims to need NMS.
        left_first: Whether class 0 looks left, and class 1 right, and not the other way round.
    """
    torch = frameworks.torch()

    class Backbone(torch.nn.Module):
        def forward(self, pictures):
            maps = []
            for stride in STRIDES:
                small = torch.nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), stride)
                maps.append(torch.cat([small if at == DECISIVE else 0 * small + at for at in range(CHANNELS)], 1))
            return maps

    class Head(torch.nn.Module):
        stride = torch.tensor(STRIDES, dtype=torch.float32)
        dfl = torch.nn.Identity()

        def forward(self, maps):
            scores, boxes = [], []
            for each in maps:
                grey = each[0, DECISIVE]  # (h, w)
                rows, columns = grey.shape
                upper, lower = grey[: rows // 2], grey[rows // 2 :]
                quarters = [upper[:, : columns // 2].mean(), upper[:, columns // 2 :].mean()]
                logits = torch.full((classes,), -6.0)
                logits[:2] = 8 * torch.stack(quarters if left_first else quarters[::-1]) - 4
                scores.append(logits[:, None].expand(classes, rows * columns))
                distance = 1 + 2 * lower[:, columns // 2 :].mean()
                boxes.append(distance.expand(4, rows * columns))
            return {"boxes": torch.cat(boxes, 1)[None], "scores": torch.cat(scores, 1)[None]}

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = torch.nn.ModuleList([Backbone(), Head()])

        def forward(self, pictures):
            return self.model[1](self.model[0](pictures))

    class RawOutputs(torch.nn.Module):
        strides = STRIDES

        def __init__(self) -> None:
            super().__init__()
            self.model = Network()
            self.needs_nms = needs_nms

        def forward(self, pictures):
            raw = self.model(pictures)
            return raw["boxes"], raw["scores"].sigmoid()

    return RawOutputs().eval()
