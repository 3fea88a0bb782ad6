"""Pelvic bone region segmentation in frontal radiographs."""

import os
from importlib.metadata import version

# ONNX Runtime sends usage statistics from version 1.29 on, and reads this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = version("pbrs")
