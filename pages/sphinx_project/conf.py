"""Sphinx configuration of the site; copied next to the Markdown source."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from docutils import nodes
from latex2mathml.converter import convert
from sphinx import locale
from sphinx.application import Sphinx
from sphinx.search import languages
from sphinx.search.en import SearchEnglish
from sphinx.transforms import SphinxTransform
from sphinx.util.i18n import docname_to_domain
from sphinx.writers.html5 import HTML5Translator

project = "chainrule"
author = "the chainrule authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
locale_dirs = ["locale"]
gettext_compact = False  # a catalog for each page
templates_path = ["_templates"]
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "chainrule · 链式法则"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_search_language = "pairs"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_dmath_allow_space = False  # "$ chainrule train" is no formula
myst_dmath_allow_digits = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
napoleon_use_ivar = True
napoleon_custom_sections = ["Shapes", "Formula", "Numerics", "Cost", "Reference", "References"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


class SearchPairs(SearchEnglish):
    """A search index of English words and of pairs of Chinese characters, for pages in both languages.

    Chinese has no spaces between words. Every two neighboring characters are one entry, and a query is
    divided in the same way, so that each word of two or more characters is listed where it occurs.

    Reference: Nie, Gao, Zhang and Zhou (2000), On the use of words and n-grams for Chinese information
    retrieval.
    """

    lang = "pairs"
    js_splitter_code = r"""
function splitQuery(query) {
  const terms = [], chinese = /^[\u4e00-\u9fff]/;
  const runs = /[\u4e00-\u9fff]+|((?![\u4e00-\u9fff])[\p{Letter}\p{Number}_])+/gu;
  for (const [run] of query.matchAll(runs)) {
    if (!chinese.test(run) || run.length < 2) terms.push(run);
    else for (let i = 0; i + 2 <= run.length; i++) terms.push(run.slice(i, i + 2));
  }
  return terms;
}
"""

    def split(self, input: str) -> list[str]:
        """Return the words of a text, and the pairs of its Chinese characters."""
        words = re.findall(r"[\u4e00-\u9fff]+|[^\W\u4e00-\u9fff]+", input)
        return [pair for word in words for pair in self._pairs(word)]

    @staticmethod
    def _pairs(word: str) -> list[str]:
        if len(word) < 2 or not "\u4e00" <= word[0] <= "\u9fff":
            return [word]
        return [word[i : i + 2] for i in range(len(word) - 1)]


class OwnTranslations(SphinxTransform):
    """Translate what Sphinx leaves in English on pages in Markdown.

    Code blocks: Sphinx translates those of reStructuredText only. Titles such as "5. The code": it reads a
    translation as a list, and drops it.
    """

    default_priority = 19  # before Sphinx translates the other messages

    def apply(self, **kwargs: Any) -> None:
        """Translate code blocks, and titles that begin with a number and a period."""
        folders = [self.env.srcdir / folder for folder in self.config.locale_dirs]
        domain = docname_to_domain(self.env.docname, self.config.gettext_compact)
        catalog, has_catalog = locale.init(folders, self.config.language, domain)
        for block in self.document.findall(nodes.literal_block):
            block.rawsource = catalog.gettext(block.rawsource)
            block.clear()
            block += nodes.Text(block.rawsource)
        for title in self.document.findall(nodes.title):
            if has_catalog and re.match(r"\d+\. ", title.astext()):
                translation = catalog.gettext(title.astext())
                title.clear()
                title += nodes.Text(translation)
                title["translated"] = True


class HiddenSolutions(SphinxTransform):
    """Fold the solutions of a part of the course: the reader opens them."""

    default_priority = 10  # before a title is translated, whose words are looked for
    words: ClassVar[dict[str, str]] = {"zh_CN": "显示解答"}

    def apply(self, **kwargs: Any) -> None:
        """Fold the content of a section with the title Solutions."""
        if not self.env.docname.startswith("course/"):
            return
        summary = self.words.get(self.config.language, "Show the solutions")
        for section in self.document.findall(nodes.section):
            if section[0].astext() == "Solutions":
                opening = f'<details class="solutions"><summary>{summary}</summary>'
                section.insert(1, nodes.raw("", opening, format="html"))
                section.append(nodes.raw("", "</details>", format="html"))


def inline_formula(writer: HTML5Translator, node: nodes.math) -> None:
    """Write an inline formula as MathML, which browsers render without a script."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed_formula(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula between paragraphs as MathML."""
    writer.body.append(f'<div class="formula" tabindex="0">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def make_accessible(app: Sphinx, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """Let the keyboard reach blocks that scroll, and give the headings of the menu a level."""
    for key, old, new in (
        ("body", "<pre>", '<pre tabindex="0">'),
        ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
    ):
        if isinstance(context.get(key), str):
            context[key] = context[key].replace(old, new)


def escape_docstring(app: Sphinx, kind: str, name: str, entry: Any, options: Any, lines: list[str]) -> None:
    """Escape a docstring for reStructuredText: it is plain text, with code in double backquotes.

    An empty line comes before the docstring of a property: napoleon takes words before a colon in the first
    line as a type.
    """
    lines[:] = [*([""] if kind == "property" else ()), *_logical_lines(lines)]
    in_example = False
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example:
            parts = re.split(r"(``.*?``)", line)
            lines[i] = "".join(part if part.startswith("``") else _escaped(part) for part in parts)


def _logical_lines(lines: list[str]) -> list[str]:
    """Return the lines of a docstring, joined where one continues an error, a result or a text after a word.

    The second line of ``Cost: ...`` would be a term of a list, and that of an error the next error.
    """
    result: list[str] = []
    section, is_labeled = "", False
    for line in lines:
        before = result[-1] if result else ""
        is_inside = before.strip() not in ("", section)
        is_deeper = len(line) - len(line.lstrip()) > len(before) - len(before.lstrip())
        is_error = re.match(r" +\w*(Error|Warning)\b| +\w+ E\d", line)
        continues = (section == "Raises:" and not is_error) or (section == "Returns:" and is_deeper)
        if line.strip() and ((is_inside and continues) or (is_labeled and line.startswith(" "))):
            result[-1] += f" {line.strip()}"
            continue
        section = line if re.fullmatch(r"\w+:", line) else section
        is_labeled = bool(re.match(r"(Shapes|Formula|Numerics|Cost|References?|Raises): \S", line))
        result.append(line)
    return result


def _escaped(text: str) -> str:
    return re.sub(r"(?<=\w)_(?!\w)|[|]|(?<!^)[*](?!\w+:)|[*](?! )", lambda mark: "\\" + mark[0], text)


def setup(app: Sphinx) -> None:
    """Add the transforms, the writers of formulas, and what prepares docstrings for napoleon."""
    languages[SearchPairs.lang] = SearchPairs
    app.add_transform(OwnTranslations)
    app.add_transform(HiddenSolutions)
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
    app.connect("html-page-context", make_accessible, priority=900)  # after the theme
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)
