"""Answers to questions about a text."""
