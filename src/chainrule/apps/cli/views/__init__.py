"""Screens of the command line: one file per kind of object that is printed."""
