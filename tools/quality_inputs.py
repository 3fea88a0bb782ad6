"""What the quality of segmentations is calibrated and tested on: pelves, damaged pelves, and what is no pelvis.

    python tools/quality_inputs.py --cache runs/quality/inputs

draws what takes long beforehand (about three seconds an image), and keeps it; `calibrate_quality.py` does so itself if
need be. Nothing is downloaded and nothing of it goes into the repository: the rest is read from installed packages
(scikit-image, matplotlib, nibabel, pydicom, pydicom-data; the `test` extra).

Every input has a source. What comes from one source is all for calibration or all for the test.
"""

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pbrs.atomic_write import atomic_path
from pbrs.synthesis.anatomy import draw_skeleton
from pbrs.synthesis.draw_scene import project_scene
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Range, Table, widened, without
from pbrs.synthesis.generator import GENERATOR_VERSION, draw_look, generate
from pbrs.synthesis.pose import pose_femora, pose_pelvis
from pbrs.synthesis.skeleton import Bone, Skeleton
from pbrs.synthesis.surface import ellipsoid, join
from pbrs.synthesis.view import View

Part = Literal["calibration", "test"]
Pixels = NDArray[np.uint8]

SIZE = 384
"""Longer side of what is drawn: enough for networks of 224 to 320 pixels."""

SEED = 41_000
"""Of everything drawn here; none of the frozen tests' seeds."""

METAL = (
    "arthroplasty", "femoral_nail", "hip_screw", "neck_screws", "cerclage", "iliosacral_screws", "ring_plates",
    "external_fixator", "spinal_fusion",
)  # fmt: skip
LARGE_METAL = ("arthroplasty", "femoral_nail", "hip_screw", "external_fixator")


@dataclass(frozen=True, eq=False)
class Drawn:
    """One drawn radiograph.

    Attributes
    ----------
    pixels
        uint8 (H, W), bone bright.
    region
        bool (H, W): the pelvic bone region; empty for what is no pelvis.
    factors
        Names of the factors that are there.
    """

    pixels: Pixels
    region: NDArray[np.bool_]
    factors: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What to draw: a kind, how many for each part, and how."""

    kind: str
    calibration: int
    test: int
    draw: Callable[[int, int], Drawn]

    def count(self, part: Part) -> int:
        return self.calibration if part == "calibration" else self.test


def number_of(name: str) -> int:
    """Give a name's number, the same everywhere."""
    return zlib.crc32(name.encode())


def drawn(recipe: Recipe, part: Part, index: int, cache: Path) -> Drawn:
    """Draw number `index` of a part, or read it from `cache`."""
    # Each kind and part its own seed: no look comes back in another.
    seed = SEED + 2 * (number_of(recipe.kind) % 1000) + (part == "test")
    path = cache / f"v{GENERATOR_VERSION}-{SIZE}" / f"{recipe.kind}-{seed}-{index:04d}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = recipe.draw(seed, index)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, pixels=made.pixels, region=made.region, factors=np.array(made.factors, dtype=np.str_)
            )
    with np.load(path) as arrays:
        return Drawn(arrays["pixels"], arrays["region"], tuple(map(str, arrays["factors"])))


def _pelvis(table: Table) -> Callable[[int, int], Drawn]:
    def draw(seed: int, index: int) -> Drawn:
        sample = generate(seed, index, size=SIZE, table=table)
        there = tuple(name for name in table if sample.parameters.get(name) == 1)
        return Drawn(sample.pixels, sample.mask, there)

    return draw


def _turned(tilted: tuple[float, float], rotated: tuple[float, float], either_side: bool = False) -> Table:
    """Give the table with other turns of the pelvis; the femora turn with it."""
    pose = dict(FACTORS["pelvis"].ranges)
    pose |= {"tilted_deg": Range(*tilted), "rotated_deg": Range(*rotated)}
    return without(FACTORS | {"pelvis": replace(FACTORS["pelvis"], ranges=pose)}, ["injury"])


VIEWS: dict[str, Table] = {
    "inlet": _turned((30, 50), (-9, 9)),
    "outlet": _turned((-50, -30), (-9, 9)),
    "oblique": _turned((-15, 15), (35, 50)),
    "lateral": _turned((-15, 15), (75, 100)),
}
"""Wrong views of a pelvis that only the pose makes."""

_BONES_ALONE = without(
    FACTORS | {"lumbar": replace(FACTORS["lumbar"], probability=1.0)},
    ["injury", "young", "high_field", "low_field", "gonad_shield", *METAL, "prosthesis"],
)


def _other_bones(kind: str) -> Callable[[int, int], Drawn]:
    def draw(seed: int, index: int) -> Drawn:
        chance = Draw(_BONES_ALONE, seed, index)
        skeleton = draw_skeleton(chance)
        pose_femora(skeleton, chance)
        pose_pelvis(skeleton, chance)
        rng = np.random.default_rng([seed, index, number_of(kind)])
        centre, width = {"femur": _keep_femur, "lumbar": _keep_spine, "thorax": _keep_thorax}[kind](skeleton, rng)
        aspect = rng.uniform(0.6, 1.1)  # width over height
        height = width / aspect
        shape = (SIZE, round(SIZE * aspect)) if aspect < 1 else (round(SIZE / aspect), SIZE)
        view = View(shape, (0.0, -1000.0, centre[1]), 130.0, centre, max(height, width) / SIZE, rng.uniform(-12, 12))
        sample = draw_look(project_scene(skeleton, view, chance), chance, kind)
        return Drawn(sample.pixels, np.zeros(sample.pixels.shape, np.bool_), (kind,))

    return draw


Place = tuple[float, float]


def _keep_femur(skeleton: Skeleton, rng: np.random.Generator) -> tuple[Place, float]:
    """Leave one femur: its shaft and knee, or its upper half, with nothing of the pelvis."""
    side = ("left", "right")[rng.integers(2)]
    skeleton.bones = {f"femur_{side}": skeleton.bones[f"femur_{side}"]}
    x, _, z = skeleton.points[f"shaft_{side}"]
    return (x + rng.uniform(-25, 25), z + rng.uniform(-90, 60)), rng.uniform(130, 260)


def _keep_spine(skeleton: Skeleton, rng: np.random.Generator) -> tuple[Place, float]:
    """Leave the lumbar vertebrae, with three more upon them."""
    lumbar = skeleton.bones["lumbar"]
    skeleton.bones = {"lumbar": lumbar, "upper": _raised(lumbar, rng.uniform(100, 115) * skeleton.scale)}
    x, _, z = skeleton.points["promontory"]
    return (x + rng.uniform(-25, 25), z + rng.uniform(60, 150)), rng.uniform(140, 300)


def _keep_thorax(skeleton: Skeleton, rng: np.random.Generator) -> tuple[Place, float]:
    """Make a spine with ribs and collar bones: an upper body, roughly."""
    lumbar = skeleton.bones["lumbar"]
    x, _, z = skeleton.points["promontory"]
    half, step = rng.uniform(105, 145), rng.uniform(20, 27)
    ribs = []
    for level in range(10):
        share = 0.62 + 0.38 * np.sin(np.pi * (level + 2) / 14)
        for sign in (-1, 1):
            angle = np.linspace(0.1, np.pi * 0.92, 26)
            # From the spine outwards, forwards and down.
            away = sign * half * share * np.sin(angle)
            depth = 55 - 85 * share * (1 - np.cos(angle)) / 1.1
            down = z + 330 - level * step - 62 * (1 - np.cos(angle)) / 2
            for a, b, c in zip(x + away, depth, down, strict=True):
                ribs.append(ellipsoid(np.array([a, b, c]), np.array([8.0, 7.0, 6.0])))
    for sign in (-1, 1):
        along = np.linspace(15, half * 0.95, 16)
        ribs += [
            ellipsoid(np.array([x + sign * a, -35 + a * 0.3, z + 345 + a * 0.12]), np.array([9.0, 6.0, 6.0]))
            for a in along
        ]
    outer = join(ribs)
    cage = Bone(outer, outer.inset(np.full(len(outer.vertices), 1.2, np.float32)), None)
    spine = {f"spine/{number}": _raised(lumbar, number * 105 * skeleton.scale) for number in range(4)}
    skeleton.bones = {"ribs": cage, **spine}
    return (x + rng.uniform(-20, 20), z + rng.uniform(170, 240)), rng.uniform(260, 420)


def _raised(bone: Bone, up_mm: float) -> Bone:
    return bone.moved(np.eye(3), np.zeros(3), np.array([0, 0, up_mm]))


RECIPES: dict[str, Recipe] = {
    recipe.kind: recipe
    for recipe in (
        Recipe("widened", 240, 0, _pelvis(widened(FACTORS, 1.5))),
        Recipe("in-range", 160, 0, _pelvis(FACTORS)),
        Recipe("femur", 18, 18, _other_bones("femur")),
        Recipe("lumbar", 18, 18, _other_bones("lumbar")),
        Recipe("thorax", 10, 0, _other_bones("thorax")),
        *(Recipe(view, 40, 30, _pelvis(table)) for view, table in VIEWS.items()),
    )
}
"""What is drawn. The test of pelves is that of the frozen tests."""


def draw_all(cache: Path) -> Iterator[str]:
    """Draw whatever is not in the cache, a little of each kind at a time."""
    jobs = [
        (index / max(recipe.count(part), 1), recipe, part, index)
        for recipe in RECIPES.values()
        for part in ("calibration", "test")
        for index in range(recipe.count(part))
    ]
    for _, recipe, part, index in sorted(jobs, key=lambda job: job[0]):
        drawn(recipe, part, index, cache)
        yield f"{recipe.kind} {part} {index}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("runs/quality/inputs"))
    given = parser.parse_args()
    for done in draw_all(given.cache):
        print(done, flush=True)
