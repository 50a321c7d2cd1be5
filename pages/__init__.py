"""The documentation site: a page per building block, generated from the registries, and the guides.

    page.py        a page, and the check for broken links
    block_page.py  the page of one building block: formula, shapes, plot, arguments, an executed example
    front.py       the start page, the Chinese index, and one list page per kind of block
    guide.py       the texts of docs/: guides, decisions, errors
    site.py        all pages together, written to a folder and converted to HTML by Sphinx, in both languages
    sphinx_project/  configuration, templates and style of Sphinx
    page_catalogs.py  the Chinese of the guides: docs/locale
    names.py       every name of PyTorch and Keras and its equivalent in chainrule: docs/names.md
    glossary.py    check names and texts against docs/glossary.md (source_text.py extracts them)
    doctor.py      the rules of the doctor: docs/doctor.md and docs/doctor/

Commands: ``python -m pages`` (the site, into ``build/pages``), ``python -m pages.page_catalogs``,
``python -m pages.names`` and ``python -m pages.doctor``.
"""
