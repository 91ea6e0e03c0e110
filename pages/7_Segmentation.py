"""Page 7: a class for every pixel of the visitor's photo, and every object by itself."""

from cnn_demo.lessons.segmentation import LESSON, MISCONCEPTIONS
from cnn_demo.ui.frame import open_page, read_next, try_this
from cnn_demo.ui.misconceptions import misconceptions
from cnn_demo.ui.photo_picker import photo_picker
from cnn_demo.ui.segment_settings import DEFAULTS
from cnn_demo.ui.segment_workbench import workbench

open_page(7, LESSON)
photo = photo_picker()
try_this(LESSON, DEFAULTS)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
