"""Segmenting radiographs with a model file; needs no PyTorch."""

from pbrs.segmentation.segmenter import Segmentation, Segmenter

__all__ = ["Segmentation", "Segmenter"]
