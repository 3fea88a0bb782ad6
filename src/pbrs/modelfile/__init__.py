"""Model files: the card, the store they are found in, export from a run, and the state to train on from."""
