"""The app: navigation at the top of every page, and the page that the visitor opened."""

from cnn_demo.ui.page.frame import navigate

navigate().run()
