"""The commands, one file each: read the words, ask the lower rooms, show what they say."""
