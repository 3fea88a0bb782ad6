"""Pelvic bone region segmentation in frontal radiographs."""

from importlib.metadata import version

__version__ = version("pbrs")
