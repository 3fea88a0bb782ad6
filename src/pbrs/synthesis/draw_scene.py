"""From random numbers to a scene: bones drawn, injured, posed, framed and projected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pbrs.dataset.folder import STRUCTURES
from pbrs.synthesis.anatomy import draw_skeleton
from pbrs.synthesis.cut import cut, plane
from pbrs.synthesis.factors import Draw
from pbrs.synthesis.fields import smoothstep
from pbrs.synthesis.framing import draw_view
from pbrs.synthesis.injury import injure_femora, injure_pelvis
from pbrs.synthesis.pose import pose_femora, pose_pelvis
from pbrs.synthesis.projection import RAYS, Box, box_of, to_pixels, trace
from pbrs.synthesis.scene import LANDMARKS, Scene
from pbrs.synthesis.skeleton import Bone, Gap, Skeleton
from pbrs.synthesis.view import View

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_INSIDE = {"foramina": 0.3, "canal": 0.9, "wing_mm": 2.0}
"""Ranges of the factor inside, and what they are without it."""


@dataclass(eq=False)
class _Path:
    """One bone on the finer view: where, how deep inside its outer and inner surface, and its silhouette."""

    box: Box
    outer: Floats
    inner: Floats
    hit: Bools


def draw_scene(draw: Draw, size: int) -> Scene:
    """Draw one patient's bones and project them.

    Parameters
    ----------
    draw
        The random numbers of shape, pose, view and injury.
    size
        The longer side of the image in pixels.
    """
    skeleton = draw_skeleton(draw)
    injure_femora(skeleton, draw)
    pose_femora(skeleton, draw)
    injure_pelvis(skeleton, draw)
    pose_pelvis(skeleton, draw)
    return project_scene(skeleton, draw_view(skeleton, size, draw), draw)


def project_scene(skeleton: Skeleton, view: View, draw: Draw) -> Scene:
    """Project the bones that a skeleton has, in the pose that they are in; `draw` gives the factor inside."""
    inside = draw("inside")
    foramina, canal, wing_mm = (inside(name) if inside else plain for name, plain in _INSIDE.items())

    rays = view.finer(RAYS)
    compact, spongy = np.zeros(rays.shape, np.float32), np.zeros(rays.shape, np.float32)
    labels = {name: np.zeros(rays.shape, np.bool_) for name in STRUCTURES}
    for name, bone in skeleton.bones.items():
        path = _follow(rays, bone)
        if path.outer.size == 0:
            continue
        if bone.structure is not None:
            labels[bone.structure][path.box] |= _label(path, bone, rays, skeleton)
        for gap in skeleton.gaps:
            if gap.bone == name.split("/")[0]:
                _thin(path, bone, rays, gap)
        if bone.structure in ("hip_left", "hip_right"):
            # In the thinnest part of the wing the model's two walls may touch or cross.
            path.outer = np.where(path.hit, np.maximum(path.outer, wing_mm), path.outer)
        solid = path.outer - path.inner
        if bone.structure == "sacrum":
            _pierce(path, solid, rays, skeleton, foramina)
        elif bone.structure and bone.structure.startswith("femur"):
            path.inner *= 1 - canal * _along_shaft(path.box, rays, skeleton, bone.structure)
        compact[path.box] += solid
        spongy[path.box] += path.inner
    return Scene(
        view=view,
        cortical_mm=to_pixels(compact) * view.obliquity,
        spongiosa_mm=to_pixels(spongy) * view.obliquity,
        masks={name: to_pixels(label) >= 0.5 for name, label in labels.items()},
        landmarks={name: _place(view, skeleton, name) for name in LANDMARKS},
        head_radius_mm=skeleton.head_radius_mm,
        arthroplasty=tuple(skeleton.arthroplasty),
        parameters=dict(draw.record),
    )


def _place(view: View, skeleton: Skeleton, name: str) -> tuple[float, float]:
    x, z = view.on_plane(skeleton.points[name])
    return float(x), float(z)


def _follow(rays: View, bone: Bone) -> _Path:
    box = box_of(rays, bone.outer)
    outer, hit = trace(rays, bone.outer, box)
    inner, _ = trace(rays, bone.inner, box)
    return _Path(box, outer, np.minimum(inner, outer, out=inner), hit)


def _label(path: _Path, bone: Bone, rays: View, skeleton: Skeleton) -> Bools:
    """Tell which rays a bone is labelled on: all that meet it, but of the sacrum none above the promontory's line."""
    if bone.structure != "sacrum":
        return path.hit
    column, row = _grid(path.box)
    (x0, y0), (x1, y1) = (
        rays.project(skeleton.points[name][None])[0, :2] for name in ("promontory", "promontory_left")
    )
    return np.asarray(path.hit & ((x1 - x0) * (row - y0) - (y1 - y0) * (column - x0) >= 0))


def _thin(path: _Path, bone: Bone, rays: View, gap: Gap) -> None:
    """Take a share of the bone off within a slab."""
    x, y = rays.project(gap.point[None])[0, :2]
    near = _around(path.box, (x, y), 1.7 * gap.reach_mm / rays.pixel_mm)
    box = tuple(
        slice(whole.start + part.start, whole.start + part.stop) for whole, part in zip(path.box, near, strict=True)
    )
    beyond = cut(bone, plane(gap.point - gap.normal * gap.width_mm / 2, gap.normal))[1]
    slab = cut(beyond, plane(gap.point + gap.normal * gap.width_mm / 2, gap.normal))[0]
    column, row = _grid((box[0], box[1]))
    square = ((column - x) ** 2 + (row - y) ** 2) * (rays.pixel_mm / gap.reach_mm) ** 2
    share = (gap.share * np.exp(-(square**2))).astype(np.float32)
    outer, inner = (trace(rays, surface, (box[0], box[1]))[0] for surface in (slab.outer, slab.inner))
    path.outer[near] -= share * np.minimum(outer, path.outer[near])
    path.inner[near] -= share * np.minimum(inner, path.inner[near])
    path.inner[near] = np.minimum(path.inner[near], path.outer[near])


def _pierce(path: _Path, solid: Floats, rays: View, skeleton: Skeleton, depth: float) -> None:
    """Make the bone thinner where the sacral foramina are."""
    column, row = _grid(path.box)
    mm = rays.pixel_mm
    for name, point in skeleton.points.items():
        if not name.startswith("foramen"):
            continue
        level = int(name[-1])
        x, y = rays.project(point[None])[0, :2]
        radius = (5.5 - 0.7 * level) * skeleton.scale / mm
        rows, columns = _around(path.box, (x, y), 2 * radius)
        square = ((column[:, columns] - x) / (1.3 * radius)) ** 2 + ((row[rows] - y) / radius) ** 2
        left = 1 - depth * np.exp(-(square**2)).astype(np.float32)
        solid[rows, columns] *= left
        path.inner[rows, columns] *= left


def _along_shaft(box: Box, rays: View, skeleton: Skeleton, femur: str) -> Floats:
    """Tell how far each ray is into the shaft: 0 at the trochanters, 1 where the canal holds marrow alone."""
    side = femur.split("_")[1]
    neck, shaft = (rays.project(skeleton.points[f"{name}_{side}"][None])[0, :2] for name in ("neck", "shaft"))
    along = shaft - neck
    length = max(float(np.hypot(*along)), 1e-6)
    column, row = _grid(box)
    below_mm = ((column - neck[0]) * along[0] + (row - neck[1]) * along[1]) / length * rays.pixel_mm / skeleton.scale
    share = np.clip((below_mm - 5) / 55, 0, 1)
    return smoothstep(share)


def _around(box: Box, place: tuple[float, float], reach: float) -> Box:
    """Give the part of a box, counted from its corner, that lies around a place (column, row) of the image."""
    rows, columns = (
        slice(*(int(np.clip(at - side.start + way * reach, 0, side.stop - side.start)) for way in (-1, 1)))
        for side, at in zip(box, place[::-1], strict=True)
    )
    return rows, columns


def _grid(box: Box) -> tuple[Floats, Floats]:
    """Give the centres of a box's rays: column (1, W) and row (H, 1)."""
    rows, columns = box
    return (
        np.arange(columns.start, columns.stop, dtype=np.float32)[None] + 0.5,
        np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5,
    )
