"""Connect Four: rules, exact solver, tree search, and a network that learns by self-play."""
