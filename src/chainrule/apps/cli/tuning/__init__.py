"""The search of ``chainrule tune``: settings of a network, a study of trials in rounds, and their scores.

Input: the options of a training. Output: the options of the best trial. Test rows are never read here.
"""
