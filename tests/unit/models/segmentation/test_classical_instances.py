"""Connected components as SciPy labels them, and a watershed that splits at narrow parts and loses no pixel."""

import numpy as np
import pytest
from scipy import ndimage

from cnn_demo.models.segmentation.classical_instances import (
    classes_as_detections,
    components,
    detections_of,
    instances,
    mask_box,
    watershed,
)
from cnn_demo.results import Segmentation

LABELS = ("background", "cat", "dog")


def disc(size: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.indices(size)
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def segmented(class_map: np.ndarray) -> Segmentation:
    confidence = np.linspace(0.5, 1, class_map.size, dtype=np.float32).reshape(class_map.shape)
    return Segmentation(class_map.astype(np.uint8), LABELS, confidence)


@pytest.mark.parametrize("density", [0.2, 0.4, 0.6])
def test_components_are_scipys(density):
    mask = np.random.default_rng(1).random((40, 60)) < density
    ours, (theirs, count) = components(mask), ndimage.label(mask, np.ones((3, 3)))
    assert ours.max() == count
    for number in range(1, count + 1):
        assert len(np.unique(ours[theirs == number])) == 1
    np.testing.assert_array_equal(ours > 0, mask)


@pytest.mark.parametrize("seed", range(4))
def test_the_watershed_loses_no_pixel_and_joins_no_components(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(70, 90)), 3)
    mask = noise > 0
    numbers = watershed(mask)
    np.testing.assert_array_equal(numbers > 0, mask)
    whole, _ = ndimage.label(mask, np.ones((3, 3)))
    for number in range(1, numbers.max() + 1):
        assert len(np.unique(whole[numbers == number])) == 1
    assert numbers.max() >= whole.max()


def test_two_discs_that_touch_are_one_component_and_two_basins():
    size = (60, 110)
    first, second = disc(size, 30, 35, 20), disc(size, 30, 72, 20)
    mask = first | second
    assert components(mask).max() == 1
    numbers = watershed(mask)
    assert numbers.max() == 2
    assert numbers[30, 35] != numbers[30, 72]
    assert np.mean(numbers[first & ~second] == numbers[30, 35]) > 0.97
    assert np.mean(numbers[second & ~first] == numbers[30, 72]) > 0.97


def test_one_disc_stays_one_also_where_the_photo_cuts_it_off():
    for column in (30, 0, -8):
        assert watershed(disc((60, 60), 30, column, 20)).max() == 1


def test_all_none_and_too_narrow():
    assert watershed(np.zeros((5, 7), bool)).max() == 0
    assert (watershed(np.ones((5, 7), bool)) == 1).all()
    with pytest.raises(ValueError, match="from 0 to below 1"):
        watershed(np.ones((5, 7), bool), 1)


def test_instances_are_found_class_by_class_and_small_ones_are_left_out():
    class_map = np.zeros((80, 120), int)
    class_map[disc(class_map.shape, 30, 30, 18)] = 1
    class_map[disc(class_map.shape, 40, 90, 12)] = 2
    class_map[disc(class_map.shape, 70, 60, 4)] = 2
    class_map[0, 119] = 1
    result = segmented(class_map)
    found = instances(result, ["cat", "dog"])
    assert found["class_name"].tolist() == ["cat", "dog", "dog"]
    assert found.mask.shape == (3, 80, 120)
    np.testing.assert_array_equal(
        found.mask.any(0), (class_map > 0) & ~((np.indices(class_map.shape) == [[[0]], [[119]]]).all(0))
    )
    assert found.xyxy[0].tolist() == [12, 12, 49, 49]
    assert found.confidence[0] == pytest.approx(result.confidence[found.mask[0]].mean())
    assert len(instances(result, [2], "components", min_area=0.01)) == 1
    assert len(instances(result, [2], "components", min_area=1)) == 0


def test_unknown_methods_and_classes_are_refused():
    result = segmented(np.zeros((4, 4), int))
    with pytest.raises(ValueError, match="There is no method"):
        instances(result, method="magic")
    with pytest.raises(ValueError, match="There is no class 'unicorn'"):
        instances(result, ["unicorn"])


def test_each_class_is_one_detection():
    class_map = np.zeros((10, 12), int)
    class_map[2:5, 3:9] = 2
    found = classes_as_detections(segmented(class_map))
    assert found["class_name"].tolist() == ["background", "dog"]
    assert found.xyxy.tolist() == [[0, 0, 12, 10], [3, 2, 9, 5]]
    assert (found.mask.sum(0) == 1).all()
    assert len(detections_of([], [], segmented(class_map))) == 0
    assert mask_box(class_map == 2) == (3, 2, 9, 5)
