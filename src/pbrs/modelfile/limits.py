"""What a model file may ask of the machine that opens it; more is refused before or while it is tried out."""

LARGEST_MODEL_BYTES = 2**31
"""Of the file; ONNX can hold no more."""

LARGEST_CARD_BYTES = 64 * 2**20
"""Of its card; 13 bytes for each image that a model has seen are most of it."""

MOST_PARTS = 2_000_000
"""Of the file's encoding. A network has some thousands; reading this many takes seconds."""

MOST_CHANNELS = 64
"""Of the output."""

SMALLEST_SIDE, LARGEST_SIDE = 16, 4096
"""Of the network's input, in pixels: below, nothing is left to judge a mask by; above, no network of ours fits."""

TRIAL_BYTES = 6 * 2**30
"""Most memory for loading a model and computing one image, beside what the libraries themselves take."""

TRIAL_SECONDS = 30
"""Longest time for both."""

TRIAL_THREADS = 2
"""Each takes address space for itself."""
