"""Page 4: pretrained networks on the visitor's photo: predictions, explanations and cost."""

from cnn_demo.lessons.pretrained import LESSON, MISCONCEPTIONS
from cnn_demo.ui.page.experiments import notice, try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker
from cnn_demo.ui.pretrained.workbench import DEFAULTS, workbench

with open_page(4, LESSON):
    try_this(LESSON, DEFAULTS)
photo = photo_picker()
notice(LESSON)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
