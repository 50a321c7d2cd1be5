"""The commands, one file each: parse the options, call the lower packages, print the result."""
