"""The generator: from (seed, index) to a synthetic radiograph with its exact masks."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.borders import collimate, frame
from pbrs.synthesis.bowel import draw_bowel
from pbrs.synthesis.draw_scene import draw_scene
from pbrs.synthesis.exposure import expose
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.implants import draw_implants
from pbrs.synthesis.markers import burn_in, lead_markers
from pbrs.synthesis.objects import draw_objects
from pbrs.synthesis.picture import take_picture
from pbrs.synthesis.processing import process
from pbrs.synthesis.scene import Scene
from pbrs.synthesis.texture import add_texture
from pbrs.synthesis.tissue import draw_tissue

Floats = NDArray[np.float32]
Materials = dict[str, Floats]

GENERATOR_VERSION = "1"
"""Another version may draw other radiographs from the same seed."""


@dataclass(frozen=True, eq=False)
class SyntheticRadiograph:
    """A radiograph that shows no patient, and where its bones are.

    Attributes
    ----------
    pixels
        uint8 (H, W), bone bright.
    masks
        bool (H, W) for each name of `pbrs.dataset.folder.STRUCTURES`; structures overlap where bones do.
    anatomy
        Names the bones and their projection: equal for all looks of one.
    parameters
        Everything that was drawn: ``FACTOR`` is 1 where a factor is there, ``FACTOR.RANGE`` a number of it.
    """

    pixels: NDArray[np.uint8]
    masks: dict[str, NDArray[np.bool_]]
    anatomy: str
    parameters: dict[str, float]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The pelvic bone region: the union of its structures."""
        return np.asarray(np.logical_or.reduce(list(self.masks.values())))


class _Last(threading.local):
    """The scene that was drawn last."""

    key: tuple[int, int, int, Table] | None = None
    scene: Scene


_last = _Last()


def generate(seed: int, index: int, *, size: int = 512, looks: int = 1, table: Table = FACTORS) -> SyntheticRadiograph:
    """Draw sample `index` of those that `seed` gives. It depends on the arguments alone.

    Parameters
    ----------
    seed, index
        Which sample.
    size
        The longer side of the image in pixels.
    looks
        Radiographs of one anatomy: samples ``looks * a`` to ``looks * a + looks - 1`` share anatomy `a`.
    table
        What varies, and how much.
    """
    anatomy, look = divmod(index, looks)
    key = (seed, anatomy, size, table)
    # Looks of one anatomy mostly come one after the other: what they share is projected once.
    if looks == 1 or _last.key != key:
        _last.key, _last.scene = key, draw_scene(Draw(table, seed, anatomy), size)
    return draw_look(_last.scene, Draw(table, seed, anatomy, look), f"s{seed}-a{anatomy}")


def draw_look(scene: Scene, draw: Draw, anatomy: str) -> SyntheticRadiograph:
    """Draw one appearance of a scene: tissue, objects, exposure, processing, picture."""
    cortical, spongiosa = add_texture(scene, draw)
    tissue = draw_bowel(scene, draw_tissue(scene, draw), draw)
    body = np.add.reduce(list(tissue.values())) > 3
    objects = draw_objects(scene, draw)
    materials = _add(
        _displace(tissue, cortical + spongiosa),
        {"cortical_bone": cortical, "spongiosa": spongiosa},
        draw_implants(scene, draw),
        objects.materials,
        lead_markers(scene, draw),
    )
    field = collimate(scene.view, scene, draw)
    signal = expose(materials, field.fraction, scene.view, draw)
    grey = process(signal, (body | scene.region) & field.exposed & ~objects.opaque, draw)
    grey, exposed = frame(grey, field.exposed, draw)
    grey = burn_in(grey, exposed, scene, draw)
    pixels = take_picture(grey, draw)
    bare = exposed & ~objects.opaque
    masks = {name: mask & bare for name, mask in scene.masks.items()}
    return SyntheticRadiograph(pixels, masks, anatomy, scene.parameters | draw.record)


def _displace(tissue: Materials, bone_mm: Floats) -> Materials:
    """Take the room that bone needs off muscle, and where there is not enough, off fat."""
    muscle = np.maximum(tissue["muscle"] - bone_mm, 0)
    left = np.maximum(bone_mm - tissue["muscle"], 0)
    return tissue | {"muscle": muscle, "adipose": np.maximum(tissue["adipose"] - left, 0)}


def _add(*parts: Materials) -> Materials:
    total: Materials = {}
    for part in parts:
        for name, path_mm in part.items():
            total[name] = total[name] + path_mm if name in total else path_mm
    # What an object displaces (the air of a tampon, the water of a balloon) it takes off tissue that may not be there.
    return {name: np.maximum(path_mm, 0) for name, path_mm in total.items()}
