"""Views of the command line: one file for each kind of thing that it prints."""
