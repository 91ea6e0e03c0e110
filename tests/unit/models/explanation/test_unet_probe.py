"""Explanations of pixels and regions whose answer is known: a U-Net that looks at one corner, and the bundled ones."""

from dataclasses import replace

import numpy as np
import pytest
from planted_corners import corner_unet

from cnn_demo.images import sample_photos
from cnn_demo.models import find, frameworks, load
from cnn_demo.models.catalogue.registry import BUNDLED_OPTIONS, PET_LABELS, STRIDE_4_OPTIONS
from cnn_demo.models.explanation.one_prediction import (
    TARGET_METHODS,
    can_be_explained,
    explain_layers,
    explain_prediction,
    probe_of,
)
from cnn_demo.models.explanation.target_curves import check_map
from cnn_demo.models.explanation.targets import ClassTarget, PixelTarget, RegionTarget
from cnn_demo.models.segmentation.segmenters import SemanticSegmenter, build_smp
from cnn_demo.models.segmentation.unet_fields import pixel_fields
from cnn_demo.models.segmentation.unets import SKIPS

SIZE = (128, 192)
PHOTO = np.random.default_rng(5).integers(150, 256, (*SIZE, 3), dtype=np.uint8)
CORNER, ITSELF = 1, 2  # classes: of the upper left quarter, and of the pixel itself
SPEC = replace(
    find("pet_unet"), key="own_unet", options=tuple(BUNDLED_OPTIONS.items()), labels=PET_LABELS, input_size=(128, 128)
)


@pytest.fixture(scope="module")
def segmenter():
    return SemanticSegmenter(SPEC, corner_unet(), "cpu", 32)


def part_of(values: np.ndarray, rows: slice, columns: slice) -> float:
    return float(values[rows, columns].sum() / max(values.sum(), 1e-9))


REGION = np.zeros(SIZE, bool)
REGION[80:100, 100:150] = True


@pytest.mark.parametrize("target", [PixelTarget(100, 150, CORNER), RegionTarget(REGION, CORNER)])
@pytest.mark.parametrize("method", TARGET_METHODS)
def test_the_class_is_explained_by_its_corner(segmenter, target, method):
    found = explain_prediction(segmenter, PHOTO, target, method, masks=200)
    assert found.map.shape == SIZE
    assert 0 <= found.map.min() < found.map.max() == 1
    corner = part_of(found.map, slice(0, 64), slice(0, 96))
    if method.startswith("grad_cam"):  # they average the gradient over the positions, and so lose the corner
        assert corner == pytest.approx(0.25, abs=0.02)
    else:
        assert corner > (0.6 if method == "d_rise" else 0.75)


def test_a_pixel_that_depends_on_itself_alone_is_explained_by_itself(segmenter):
    found = explain_layers(segmenter, PHOTO, PixelTarget(100, 150, ITSELF))
    assert not found["encoder 1/32"].map.any()
    assert part_of(found["encoder 1/4"].map, slice(94, 107), slice(144, 157)) > 0.99
    influence = probe_of(segmenter, PHOTO, PixelTarget(100, 150, ITSELF)).influence()
    assert part_of(influence, slice(96, 104), slice(144, 152)) > 0.99


@pytest.mark.parametrize(("class_id", "level"), [(CORNER, "encoder 1/32"), (ITSELF, "encoder 1/4")])
def test_the_level_that_carries_the_class_is_named(segmenter, class_id, level):
    photo = PHOTO.copy()
    photo[:64, :96], photo[100:104, 148:152] = 255, 255
    scores = probe_of(segmenter, photo, PixelTarget(101, 150, class_id)).level_scores()
    assert max(scores.drops, key=scores.drops.__getitem__) == level
    for unused in ("encoder 1/2", "encoder 1/8", "encoder 1/16"):
        assert scores.without[unused] == pytest.approx(scores.score, abs=1e-5)


def test_without_any_level_but_one_is_that_one_alone(segmenter):
    probe = probe_of(segmenter, PHOTO, PixelTarget(3, 4, CORNER))
    scores = probe.level_scores()
    assert list(scores.without) == list(scores.alone) == list(probe.layers)
    assert scores.score == pytest.approx(probe.score(probe.picture), abs=1e-5)
    assert probe.all_gradients()[probe.layers[0]].score == pytest.approx(scores.score, abs=1e-5)


def test_targets_that_are_not_on_the_photo_are_refused(segmenter):
    with pytest.raises(ValueError, match="no pixel in row 128, column 0"):
        probe_of(segmenter, PHOTO, PixelTarget(128, 0, 1))
    with pytest.raises(ValueError, match="has classes 0 to 2"):
        probe_of(segmenter, PHOTO, PixelTarget(0, 0, 3))
    with pytest.raises(ValueError, match="must have the photo's size"):
        probe_of(segmenter, PHOTO, RegionTarget(np.ones((4, 4), bool), 1))
    with pytest.raises(ValueError, match="predicts nothing"):
        probe_of(segmenter, PHOTO, ClassTarget(1))
    with pytest.raises(ValueError, match="no method 'guess'"):
        explain_layers(segmenter, PHOTO, PixelTarget(0, 0, 1), "guess")


def test_a_pixel_has_the_score_that_the_class_map_shows(segmenter):
    photo = PHOTO[:, :150]  # resized, and padded to a multiple of the stride
    segmentation = segmenter.predict(photo, side=96, keep_probabilities=True)
    for row, column in ((0, 0), (127, 149), (61, 88)):
        probe = probe_of(segmenter, photo, PixelTarget(row, column, ITSELF), side=96)
        shown = float(segmentation.probabilities[ITSELF, row, column])
        assert probe.score(probe.picture) == pytest.approx(shown, abs=2e-3)


@pytest.mark.parametrize("options", [BUNDLED_OPTIONS, STRIDE_4_OPTIONS], ids=["whole decoder", "ends at stride 4"])
def test_no_gradient_leaves_the_receptive_field_and_some_reaches_its_sides(options):
    """With positive weights no path cancels another: the gradient is not zero exactly in the receptive field."""
    torch = frameworks.torch()
    spec = replace(SPEC, options=tuple(options.items()))
    network = build_smp(spec).double()
    with torch.no_grad():
        for name, values in network.state_dict().items():
            if values.ndim == 4:
                values.fill_(1 / values[0].numel())
            elif name.endswith(("running_mean", "bias")):
                values.zero_()
            elif values.is_floating_point():
                values.fill_(1)
    size, (row, column) = (256, 320), (133, 150)
    frame = SemanticSegmenter(spec, build_smp(spec), "cpu", 32).frame(size, size[0])
    fields = pixel_fields(spec, frame, row, column)
    for stride in SKIPS[-3:]:
        x = torch.full((1, 3, *size), 1e-9, dtype=torch.float64).requires_grad_()  # ReLU6 ends at 6
        maps = network.encoder(x)
        depth = stride.bit_length() - 1
        maps = [each if at == depth else each.detach() for at, each in enumerate(maps)]
        logit = network.segmentation_head(_decoded(network, maps))[0, 0, row, column]
        (gradient,) = torch.autograd.grad(logit, x)
        rows, columns = (np.flatnonzero(gradient[0].abs().sum((0, axis)).numpy()) for axis in (2, 1))
        left, top, right, bottom = fields[f"encoder 1/{stride}"]
        assert (max(top, 0), min(bottom, size[0])) == (rows[0], rows[-1] + 1)
        assert (max(left, 0), min(right, size[1])) == (columns[0], columns[-1] + 1)


def _decoded(network, maps):
    from cnn_demo.models.segmentation.unets import decoded

    return decoded(network, maps)[-1]


def test_a_bundled_unet_explains_in_torch_what_openvino_predicts():
    segmenter = load("everyday_unet", "cpu")
    segmenter.wait_for_export()
    assert can_be_explained(segmenter)
    assert not can_be_explained(replace_family(segmenter))
    photo = next(sample for sample in sample_photos() if sample.key == "chelsea").load(max_side=320)
    segmentation = segmenter.predict(photo.pixels)
    target = PixelTarget(100, 200, int(segmentation.class_map[100, 200]))
    found = explain_prediction(segmenter, photo.pixels, target)
    assert found.score == pytest.approx(float(segmentation.confidence[100, 200]), abs=0.01)
    probe = probe_of(segmenter, photo.pixels, target)
    assert check_map(probe, found.map, 6).gain > 0.3


def replace_family(segmenter):
    spec = replace(segmenter.spec, builder="FPN")
    return SemanticSegmenter(spec, segmenter.network, "cpu", 32)
