"""Text files: from bytes to lines (encoding), to records (dialect), to rows of a table (layout)."""
