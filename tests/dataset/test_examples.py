"""Examples in memory are what the files hold, at the network's size."""

import hashlib
import json

import numpy as np
import torch
from PIL import Image

from pbrs.dataset.augmentation import Augmentation, AugmentationSettings
from pbrs.dataset.examples import EpochOrder, ExampleData, load_examples
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.hashing import perceptual_hash


def test_images_and_masks_are_placed_together(phantoms):
    dataset = open_dataset(phantoms)
    examples = load_examples(dataset, dataset.stems[:3], ("region",), (64, 80), "stretch")
    assert examples.images.shape == (3, 64, 80)
    assert examples.masks.shape == (3, 1, 64, 80)
    for index, stem in enumerate(examples.stems):
        radiograph, mask = dataset.read(stem)
        bright = radiograph.pixels[mask].mean() - radiograph.pixels[~mask].mean()
        placed, placed_mask = examples.images[index] / 255, examples.masks[index, 0]
        assert abs(placed[placed_mask].mean() - placed[~placed_mask].mean() - bright) < 0.05
        assert abs(placed_mask.mean() - mask.mean()) < 0.02


def test_a_structure_that_is_not_there_is_marked_absent(phantoms, tmp_path):
    folder = tmp_path / "data"
    (folder / "structures" / "sacrum").mkdir(parents=True)
    for kind in ("images", "masks"):
        (folder / kind).symlink_to(phantoms / kind)
    (folder / "dataset.json").write_text(json.dumps({}))
    stem = "phantom_001"
    Image.open(phantoms / "masks" / f"{stem}.png").save(folder / "structures" / "sacrum" / f"{stem}.png")
    dataset = open_dataset(folder)
    examples = load_examples(dataset, ["phantom_000", stem], ("region", "sacrum"), (64, 64), "stretch")
    assert examples.available.tolist() == [[True, False], [True, True]]
    assert not examples.masks[0, 1].any()
    assert np.array_equal(examples.masks[1, 1], examples.masks[1, 0])


def test_hashes_and_digests_are_those_of_the_files(phantoms):
    dataset = open_dataset(phantoms)
    examples = load_examples(dataset, dataset.stems[:2], ("region",), (64, 64), "letterbox")
    for stem in dataset.stems[:2]:
        assert examples.sha256[stem] == hashlib.sha256(dataset.images[stem].read_bytes()).hexdigest()
        assert np.array_equal(examples.hashes[stem], perceptual_hash(dataset.read(stem)[0].pixels))


def test_several_devices_share_an_epoch(monkeypatch):
    shares = []
    for device in range(3):
        monkeypatch.setattr(EpochOrder, "_devices", lambda _, device=device: (device, 3))
        order = EpochOrder(10, seed=1, shuffle=True)
        shares.append(list(order))
        assert len(order) == len(shares[-1]) == 4
    assert {index for share in shares for _, index in share} == set(range(10))


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone():
    order = EpochOrder(20, seed=3, shuffle=True)
    order.set_epoch(4)
    first = list(order)
    order.set_epoch(5)
    second = list(order)
    assert sorted(index for _, index in first) == list(range(20))
    assert [index for _, index in first] != [index for _, index in second]
    fresh = EpochOrder(20, seed=3, shuffle=True)
    fresh.set_epoch(4)
    assert list(fresh) == first
    assert all(epoch == 4 for epoch, _ in first)
    assert [index for _, index in EpochOrder(5, 3, shuffle=False)] == [0, 1, 2, 3, 4]


def test_an_example_comes_out_as_the_network_takes_it(phantoms):
    dataset = open_dataset(phantoms)
    examples = load_examples(dataset, dataset.stems[:2], ("region",), (64, 64), "letterbox")
    plain = ExampleData(examples, seed=0)
    image, mask, available = plain[(0, 1)]
    assert image.shape == (1, 64, 64)
    assert image.dtype == torch.float32
    assert 0 <= image.min() <= image.max() <= 1
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert available.tolist() == [True]
    changed = ExampleData(examples, seed=0, augmentation=Augmentation(AugmentationSettings(), ("region",)))
    assert not torch.equal(changed[(0, 1)][0], changed[(1, 1)][0])
    assert torch.equal(plain[(0, 1)][0], plain[(1, 1)][0])
