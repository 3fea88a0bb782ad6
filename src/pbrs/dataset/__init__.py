"""Many radiographs: the dataset folder, its checks and split, importers and exporters."""

from pbrs.dataset.folder import STRUCTURES, Dataset, open_dataset
from pbrs.dataset.hashing import near_duplicates, perceptual_hash
from pbrs.dataset.split import (
    PARTS,
    Split,
    check_overlap,
    fold_split,
    make_folds,
    make_split,
    read_split,
    write_folds,
    write_split,
)

__all__ = [
    "PARTS",
    "STRUCTURES",
    "Dataset",
    "Split",
    "check_overlap",
    "fold_split",
    "make_folds",
    "make_split",
    "near_duplicates",
    "open_dataset",
    "perceptual_hash",
    "read_split",
    "write_folds",
    "write_split",
]
