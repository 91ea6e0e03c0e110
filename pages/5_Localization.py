"""Page 5: one object on the visitor's photo, its class and its box, and how boxes are measured and learned."""

from cnn_demo.lessons.localization import LESSON, MISCONCEPTIONS
from cnn_demo.ui.localization.workbench import DEFAULTS, workbench
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker

with open_page(5, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker()
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
