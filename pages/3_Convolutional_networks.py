"""Page 3: a trained network with every activation in sight, what its units see, and how it learned."""

from cnn_demo.lessons.networks import LESSON, MISCONCEPTIONS
from cnn_demo.ui.frame import open_page, read_next, try_this
from cnn_demo.ui.misconceptions import misconceptions
from cnn_demo.ui.network_settings import DEFAULTS
from cnn_demo.ui.network_workbench import workbench
from cnn_demo.ui.photo_picker import photo_picker

open_page(3, LESSON)
photo = photo_picker()
try_this(LESSON, DEFAULTS)
workbench(photo)
misconceptions(photo, MISCONCEPTIONS)
read_next(LESSON)
