"""The tables, baselines and protocol of the table campaign.

case.py        what a table is
sources.py     files inside packages, read without installing them
final.py       the sixteen tables of the published comparison
development.py other tables, on which settings may be chosen
baselines.py   linear models, forests, boosting and multilayer perceptrons of other libraries
protocol.py    splits, metrics, and results that are computed once
comparison.py  ranks, paired differences and the printed tables
"""
