"""Recognition of speech: spoken digits and utterances."""
