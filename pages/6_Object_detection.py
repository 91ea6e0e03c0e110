"""Page 6: all objects on the visitor's photo, and the detector's post-processing."""

from cnn_demo.lessons.detection import MISCONCEPTIONS
from cnn_demo.ui.detection.state import lesson_here
from cnn_demo.ui.detection.workbench import DEFAULTS, workbench
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker

lesson = lesson_here()
with open_page(6, lesson):
    try_this(lesson, DEFAULTS)
photo = photo_picker()
notice(lesson)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(lesson)
