"""Search for the settings of a training: what ``chainrule tune`` does, as functions.

space.py    the settings, and the options of a training that they stand for
problem.py  a trial: a training, scored on rows that did not influence it
study.py    the trials, proposed in rounds and stored in a journal or a shared storage.py
workers.py  where trials are computed: this process, processes of this machine, a cluster
search.py   all of it: the options of a search, its trials, and the scores of the best one on the test rows
"""
