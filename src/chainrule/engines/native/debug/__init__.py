"""Reference interpreters of compiled programs, and their profiler."""
