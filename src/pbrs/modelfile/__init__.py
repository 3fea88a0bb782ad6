"""Model files: the card, export from a run, and the state to train on from."""
