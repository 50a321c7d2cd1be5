"""Passes over a plan: fusion, rematerialization, memory layout."""
