"""Interpreter of compiled programs, and their profiler."""
