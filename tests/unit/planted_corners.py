"""A detector in torch whose reasons are known: scores depend on one corner of the photo, boxes on the opposite one."""

import numpy as np

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


def corner_unet(classes: int = 3):
    """Build a network with the interface of the U-Nets of segmentation-models-pytorch.

    Its encoder's maps are the photo at strides 2 to 32. At every pixel, the logit of class 1 grows with the brightness
    of the upper left quarter of the photo at stride 32, and that of class 2 with the brightness of that pixel itself at
    stride 4; that of class 0 is 0.

    Args:
        classes: Number of classes, at least 3.
    """
    torch = frameworks.torch()
    resize = torch.nn.functional.interpolate

    class Encoder(torch.nn.Module):
        output_stride = 32

        def forward(self, pictures):
            grey = pictures.mean(1, keepdim=True)
            maps = [torch.nn.functional.avg_pool2d(grey, 2**depth) for depth in range(1, 6)]
            return [pictures, *(each.expand(-1, CHANNELS, -1, -1) for each in maps)]

    class Block(torch.nn.Module):
        """Carry the mean of the decisive quarter, and the skip connection of stride 4, from block to block."""

        def forward(self, step, height, width, skip_connection=None):
            if step.shape[1] == CHANNELS:  # the first block: the encoder's coarsest maps
                rows, columns = (length // 2 for length in step.shape[2:])
                quarter = step[:, DECISIVE : DECISIVE + 1, :rows, :columns].mean((2, 3), keepdim=True)
                step = torch.cat([quarter, 0 * quarter], 1).expand(-1, -1, *step.shape[2:])
            step = resize(step, (height, width))
            if skip_connection is not None and self.fine:
                step = torch.cat([step[:, :1], skip_connection[:, DECISIVE : DECISIVE + 1]], 1)
            return step

        def __init__(self, fine):
            super().__init__()
            self.fine = fine

    class Decoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.center = torch.nn.Identity()
            self.blocks = torch.nn.ModuleList(Block(fine=number == 2) for number in range(5))

    class Head(torch.nn.Module):
        def forward(self, step):
            coarse, fine = 6 * step[:, :1], 4 * step[:, 1:]
            rest = (0 * coarse - 9).expand(-1, classes - 3, -1, -1)
            return torch.cat([0 * coarse, coarse, fine, rest], 1)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder, self.segmentation_head = Encoder(), Decoder(), Head()

        def forward(self, pictures):
            features = self.encoder(pictures)
            step = features[-1]
            for index, block in enumerate(self.decoder.blocks):
                skip = features[-2 - index] if index < 4 else None
                step = block(step, *features[-2 - index].shape[2:], skip_connection=skip)
            return self.segmentation_head(step)

    return Network().eval()


def corner_localizer(side: int = 64):
    """Build a Keras network with the outputs of `bundled_networks.localizer_heads`, for images (N, side, side, 3).

    The logit of class 0 grows with the brightness of the upper left quarter, those of the other three are 0. The right
    and the lower side of the box depend on the brightness of the lower right quarter; its other sides never move.
    """
    keras = frameworks.keras()
    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((side, side, 3), name="image")
    maps = layers.AveragePooling2D(8)(layers.Conv2D(2, 1, name="grey")(inputs))
    half = side // 16
    first = layers.GlobalAveragePooling2D()(layers.Cropping2D(((0, half), (0, half)))(maps))
    last = layers.GlobalAveragePooling2D()(layers.Cropping2D(((half, 0), (half, 0)))(maps))
    logits = layers.Dense(4, name="logits")(first)
    box = layers.Dense(4, name="sides")(last)
    attention = 0 * maps[..., 0] + 1 / (2 * half) ** 2
    votes = attention[..., None] * 0 + ops.reshape(box, (-1, 1, 1, 4))
    network = keras.Model(inputs, {"logits": logits, "box": box, "attention": attention, "votes": votes, "maps": maps})
    grey = np.full((1, 1, 3, 2), 1 / 6, np.float32)  # from 0 to 1 for pixels from -1 to 1, with the bias
    classes, sides = np.zeros((2, 2, 4), np.float32)
    classes[0, 0], sides[0, 2:] = 8, 0.5
    weights = {
        "grey": [grey, np.full(2, 0.5, np.float32)],
        "logits": [classes, np.array([-4, 0, 0, 0], np.float32)],
        "sides": [sides, np.array([0.3, 0.3, 0.4, 0.4], np.float32)],
    }
    for name, values in weights.items():
        network.get_layer(name).set_weights(values)
    return network
