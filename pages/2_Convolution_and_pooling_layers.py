"""Page 2: stack layers on the photo, compare pooling side by side, and measure invariance."""

from cnn_demo.lessons.layers import LESSON, MISCONCEPTIONS
from cnn_demo.ui.layers.settings import DEFAULTS
from cnn_demo.ui.layers.workbench import workbench
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker

with open_page(2, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker(patterns=True)
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
