"""Page 3: every activation of a trained network, its receptive fields, and its training."""

from cnn_demo.lessons.networks import LESSON, MISCONCEPTIONS
from cnn_demo.ui.network.workbench import DEFAULTS, workbench
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker

with open_page(3, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker()
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
