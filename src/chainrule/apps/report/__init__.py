"""``report.html``: one self-contained page that shows a training, in English and Chinese.

In: a judged training. Out: the text of a page with its pictures inside, without a script and without a single
request.
"""
