"""The pages: a site of everything chainrule has, written from the registries and checked while it is written.

    page.py        what a page is, and which links of a set of pages lead nowhere
    block_page.py  the page of one building block: formula, shapes, picture, arguments, an example that is run
    front.py       the first page, in English and Chinese, and a list for each kind
    guide.py       the texts of docs/: guides, decisions, errors
    site.py        all of them together, written to a folder and made HTML by Sphinx
    names.py       every name of PyTorch and Keras, and what it is called here: docs/names.md
    doctor.py      the rules of the doctor: docs/doctor.md and docs/doctor/

The commands are ``python -m pages`` (the site, into ``build/pages``), ``python -m pages.names`` and
``python -m pages.doctor``.
"""
