"""Many radiographs: the dataset folder, its checks and split, importers and exporters."""

from pbrs.dataset.folder import STRUCTURES, Dataset, open_dataset
from pbrs.dataset.hashing import near_duplicates, perceptual_hash
from pbrs.dataset.overlap import check_overlap
from pbrs.dataset.split import PARTS, Split, fold_split, make_folds, make_split
from pbrs.dataset.split_file import read_split, write_folds, write_split

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
