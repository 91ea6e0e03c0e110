"""Page 4: pretrained networks on the visitor's photo: predictions, explanations and cost."""

from cnn_demo.lessons.pretrained import LESSON, MISCONCEPTIONS
from cnn_demo.ui.page.experiments import try_this
from cnn_demo.ui.page.frame import open_page, read_next
from cnn_demo.ui.page.misconceptions import misconceptions
from cnn_demo.ui.page.photo_picker import photo_picker
from cnn_demo.ui.pretrained.workbench import DEFAULTS, workbench

open_page(4, LESSON)
photo = photo_picker()
try_this(LESSON, DEFAULTS)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
