"""Common names of classes: data sets have different names for one class, and visitors read COCO's.

Pascal VOC's names are replaced in the table of models, so that pages, exports and the command line all use the names of
COCO, which are plain English. An exported file keeps the network's class indices, by which other tools know a class.
"""

_COMMON_NAMES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "minibike": "motorcycle",
    "motorbike": "motorcycle",
    "pedestrian": "person",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "television receiver": "tv",
    "tvmonitor": "tv",
}


def common_name(label: str) -> str:
    """Return COCO's name for a class of another data set; the name itself if both agree.

    Example:
        >>> from cnn_demo.models.catalogue.class_names import common_name
        >>> common_name("diningtable"), common_name("cat")
        ('dining table', 'cat')
    """
    return _COMMON_NAMES.get(label, label)
