"""Connected regions of a class map."""

import numpy as np

from cnn_demo.models.segmentation.regions import connected_regions


def test_regions_of_one_class_that_touch_at_a_corner_are_one():
    class_map = np.array(
        [
            [2, 2, 0, 0],
            [2, 2, 0, 1],
            [0, 0, 2, 1],
            [0, 0, 0, 0],
        ]
    )
    regions = connected_regions(class_map)
    assert regions.class_ids.tolist() == [0, 2, 1]
    assert regions.areas.tolist() == [9, 5, 2]
    np.testing.assert_array_equal(regions.class_ids[regions.map], class_map)
    assert sum(regions.mask(index).sum() for index in range(3)) == class_map.size


def test_the_middle_of_a_ring_is_on_the_ring():
    ring = np.zeros((11, 11), int)
    ring[1:10, 1:10] = 1
    ring[4:7, 4:7] = 0
    regions = connected_regions(ring)
    (index,) = np.flatnonzero(regions.class_ids == 1)
    row, column = regions.middle(int(index))
    assert ring[row, column] == 1
    assert regions.mask(int(index))[row, column]
