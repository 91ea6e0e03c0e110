"""Page 1: a kernel slides over the photo; drag its sliders, and select any pixel to see its arithmetic."""

from cnn_demo.lessons.convolution import LESSON, MISCONCEPTIONS
from cnn_demo.ui.convolution.settings import DEFAULTS
from cnn_demo.ui.convolution.workbench import workbench
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker

with open_page(1, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker(patterns=True)
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
