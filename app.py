"""The app: navigation at the top of every page, and the page that the visitor opened."""

from cnn_demo.ui.page.barrier import errors_shown
from cnn_demo.ui.page.frame import navigate

page = navigate()
with errors_shown():
    page.run()
