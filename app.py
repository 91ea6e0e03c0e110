"""The app: navigation at the top of every page, and the page that the visitor opened."""

from cnn_demo.ui.page.barrier import errors_shown, show_callback_error
from cnn_demo.ui.page.frame import navigate

page = navigate()
with errors_shown(of_callbacks=False):  # its views show those
    page.run()
show_callback_error()
