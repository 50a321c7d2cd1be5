"""``report.html``: a self-contained page about a training, in English and Chinese.

Input: an evaluated training. Output: the HTML of a page with inline plots, without scripts and requests.
"""
