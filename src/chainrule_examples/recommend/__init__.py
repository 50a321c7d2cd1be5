"""Recommendation of films."""
