import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pbrs.dataset.folder import open_dataset
from pbrs.dataset.hashing import MAX_BITS, hash_images, near_duplicates, perceptual_hash

COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of low quality": lambda image: _reencoded(image, 30),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "stretched": lambda image: image.resize((224, 224)),
    "darker": lambda image: image.point(lambda value: value * 0.7),
    "less contrast": lambda image: image.point(lambda value: 60 + value * 0.5),
    "gamma": lambda image: image.point(lambda value: 255 * (value / 255) ** 1.4),
}


def _reencoded(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def _hash(image: Image.Image) -> np.ndarray:
    return perceptual_hash(np.asarray(image, dtype=np.float32) / 255)


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_found_among_other_pictures(textures: Callable[[int], Path], copy: str) -> None:
    files = open_dataset(textures(12)).images
    hashes = {stem: _hash(Image.open(path)) for stem, path in files.items()}
    hashes["copy"] = _hash(COPIES[copy](Image.open(files["case_007"])))
    assert near_duplicates(hashes) == [("case_007", "copy")]


def test_pictures_that_differ_are_not_paired(textures: Callable[[int], Path]) -> None:
    assert near_duplicates(hash_images(open_dataset(textures(40)).images)) == []


def test_a_hash_has_256_bits_and_half_of_them_set(textures: Callable[[int], Path]) -> None:
    (image,) = open_dataset(textures(1)).images.values()
    hashed = _hash(Image.open(image))
    assert hashed.shape == (4,)
    assert hashed.dtype == np.uint64
    # What lies above the median of 256 different numbers is half of them.
    assert np.bitwise_count(hashed).sum() == 128


def test_flat_pictures_hash_alike_whatever_their_grey() -> None:
    assert {perceptual_hash(np.full((50, 40), grey, np.float32)).tobytes() for grey in (0.1, 0.33, 0.9)} == {
        perceptual_hash(np.full((91, 17), 0.7, np.float32)).tobytes()
    }


def test_pairs_are_found_exactly_up_to_the_limit_and_across_blocks() -> None:
    random = np.random.default_rng(0)
    table = random.integers(0, 2**64, (1500, 4), dtype=np.uint64)
    table[1400] = table[3]
    table[1400, 0] ^= np.uint64(2**MAX_BITS - 1)  # MAX_BITS bits differ
    table[700] = table[701]
    table[701, 2] ^= np.uint64(2 ** (MAX_BITS + 1) - 1)  # one more
    hashes = {f"s{index:04d}": row for index, row in enumerate(table)}
    assert near_duplicates(hashes) == [("s0003", "s1400")]
    assert near_duplicates(hashes, MAX_BITS + 1) == [("s0003", "s1400"), ("s0700", "s0701")]
    assert near_duplicates({}) == []


def test_of_many_copies_only_as_many_pairs_as_hold_them_together_are_given() -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 2**64, (2, 4), dtype=np.uint64)
    assert near_duplicates({"a": one, "b": other, "c": one, "d": one, "e": other}) == [
        ("a", "c"),
        ("a", "d"),
        ("b", "e"),
    ]
    # A chain: neighbours are alike, its ends are not.
    chain = {f"s{step}": one ^ np.array([2 ** (30 * step) - 1, 0, 0, 0], dtype=np.uint64) for step in range(3)}
    assert near_duplicates(chain, max_bits=30) == [("s0", "s1"), ("s1", "s2")]
    assert len(near_duplicates(dict.fromkeys((f"s{index:04d}" for index in range(3000)), one))) == 2999
