"""Games: rules, exact solvers and tree search, on which networks are trained and evaluated.

Input: positions. Output: legal moves, exact values, and the visits of a search whose leaves a network
evaluates. It imports no other package and contains no network: a search takes a function that evaluates
positions. Loops are compiled by numba at their first call.

- ``connect_four.py``: the board as two integers, its rules, planes and text
- ``connect_four_solver.py``: exact values by alpha-beta search
- ``connect_four_players.py``: players without a network (random, block and center, flat Monte Carlo)
- ``connect_four_search.py``: PUCT tree search of many positions at once
"""
