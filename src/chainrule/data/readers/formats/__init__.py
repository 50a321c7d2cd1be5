"""Files that are not text tables: spreadsheets, JSON, databases, compressed files and archives."""
