"""Sphinx configuration of the site; copied next to the Markdown source."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import locale
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.i18n import docname_to_domain

project = "chainrule"
author = "the chainrule authors"
extensions = ["myst_parser"]
locale_dirs = ["locale"]
gettext_compact = False  # a catalog for each page
templates_path = ["_templates"]
html_theme = "furo"
html_title = "chainrule · 链式法则"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_sidebars = {
    "**": [
        "sidebar/brand.html", "language.html", "sidebar/search.html", "sidebar/scroll-start.html",
        "sidebar/navigation.html", "sidebar/scroll-end.html",
    ]
}  # fmt: skip
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 3
pygments_style = "friendly"
pygments_dark_style = "github-dark"


class TranslatedCode(SphinxTransform):
    """Replace code blocks by their translations: Sphinx itself translates those of reStructuredText only."""

    default_priority = 19  # before Sphinx translates the other messages

    def apply(self, **kwargs: Any) -> None:
        """Translate the code blocks of a page."""
        folders = [self.env.srcdir / folder for folder in self.config.locale_dirs]
        domain = docname_to_domain(self.env.docname, self.config.gettext_compact)
        catalog, _ = locale.init(folders, self.config.language, domain)
        for block in self.document.findall(nodes.literal_block):
            block.rawsource = catalog.gettext(block.rawsource)
            block.clear()
            block += nodes.Text(block.rawsource)


def setup(app: Sphinx) -> None:
    """Add the transform."""
    app.add_transform(TranslatedCode)
