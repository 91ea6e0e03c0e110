"""Home: one sentence, a place to begin, the seven topics as cards; the machine folded away."""

from cnn_demo.ui.page.home import home

home()
