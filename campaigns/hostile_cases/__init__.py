"""The sections of ``campaigns/hostile.py``: one file for each kind of hostile input."""
