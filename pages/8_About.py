"""About: version, licence and source code, networks and their licences, credits."""

from cnn_demo.ui.page.about import about_page

about_page()
