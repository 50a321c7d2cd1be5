"""Counterfactuals: the nearest changes of a row that change its prediction."""
