"""Sphinx configuration of the site; copied next to the Markdown source."""

project = "chainrule"
author = "the chainrule authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "chainrule · 链式法则"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 3
pygments_style = "friendly"
pygments_dark_style = "github-dark"
