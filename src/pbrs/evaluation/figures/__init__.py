"""The figures of a study: each takes plain numbers and arrays, and gives a matplotlib figure."""
