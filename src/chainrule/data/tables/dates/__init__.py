"""Dates, times of day and durations in the cells of a column: forms, order of day and month, inference."""
