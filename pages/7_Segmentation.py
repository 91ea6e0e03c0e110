"""Page 7: a class for every pixel of the visitor's photo, and a mask for every object."""

from cnn_demo.lessons.segmentation import LESSON, MISCONCEPTIONS
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker
from cnn_demo.ui.segmentation.workbench import DEFAULTS, workbench

with open_page(7, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker()
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
