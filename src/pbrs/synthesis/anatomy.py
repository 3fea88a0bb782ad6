"""Anatomy: one person's bones, drawn from the shape model LLP26, with the detail that the model smooths away.

Coordinates in mm: x to the patient's left, y backwards, z to the head; the origin midway between the hip centres, the
anterior pelvic plane vertical.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pbrs.synthesis.details import DETAILS, displace, weights_of
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.injury import grow
from pbrs.synthesis.skeleton import SIDES, Bone, Points, Skeleton
from pbrs.synthesis.spine import make_coccyx, make_lumbar
from pbrs.synthesis.surface import Surface, fit_sphere, normals

Floats = NDArray[np.float32]

PARTS = {"hip_left": "hipL", "hip_right": "hipR", "sacrum": "sac", "femur_left": "femL", "femur_right": "femR"}
"""Names of the structures and of their arrays in the model's file."""

MODES = 25
"""26 people carry 25 modes of shape."""

_MOST_SD = 2.5  # further out the sacrum crumples
_ARCUATE_LINE = np.array(
    [[42, 70, 90], [48, 65, 56], [61, 21, 47], [60, 2, 33], [51, -15, 16], [37, -30, 0], [20, -42, -6]]
)
_FOSSA = np.array([95.0, 18.0, 96.0])  # the thin middle of the left iliac wing
_CALCAR = np.array([8.0, 10.0, -45.0])  # of the left femur, from the head's centre
_FORAMINA = np.array([[19, 45, 76], [17, 72, 60], [15, 78, 46], [13, 83, 34]])  # of the left; on the sacrum's front


@dataclass(frozen=True, eq=False)
class ShapeModel:
    """LLP26 and what is computed of it once.

    Attributes
    ----------
    mean, modes, faces, wall_mm
        By structure: vertices float32 (N, 3), modes times their standard deviation (26, N, 3), triangles (M, 3), and
        the distance to the opposite wall (N,).
    socket, head
        Numbers of the vertices of the socket, by hip; and of the femoral head.
    weights
        How much each vertex takes part in a detail or a region of the cortex, float32 (N,), by structure and name.
    marks
        Numbers of vertices that points are the mean of, by structure and name.
    """

    mean: dict[str, Floats]
    modes: dict[str, Floats]
    faces: dict[str, NDArray[np.int32]]
    wall_mm: dict[str, Floats]
    socket: dict[str, NDArray[np.int64]]
    head: NDArray[np.int64]
    weights: dict[str, dict[str, Floats]]
    marks: dict[str, dict[str, NDArray[np.int64]]]


@lru_cache(maxsize=1)
def shape_model() -> ShapeModel:
    """Read the model's file, once a process."""
    with files("pbrs.synthesis").joinpath("llp26.npz").open("rb") as file, np.load(file) as arrays:
        table = {name: arrays[name] for name in arrays.files}

    def of(suffix: str) -> dict[str, NDArray[Any]]:
        return {name: table[f"{short}_{suffix}"] for name, short in PARTS.items()}

    mean = of("v")
    socket = {"hip_left": table["acetL"], "hip_right": table["acetR"]}
    centre = fit_sphere(mean["femur_left"][table["head"]])[0]
    return ShapeModel(
        mean=mean,
        modes=of("m"),
        faces=of("f"),
        wall_mm=of("th"),
        socket=socket,
        head=table["head"],
        weights={name: _weights(name, vertices, centre) for name, vertices in mean.items()},
        marks={name: _marks(name, vertices, centre) for name, vertices in mean.items()},
    )


def _to_left(name: str, vertices: Floats) -> NDArray[np.float64]:
    """Mirror a right part, so that places are written once, for the left."""
    return np.asarray(vertices * np.array([-1.0 if name.endswith("right") else 1.0, 1, 1]))


def _weights(name: str, vertices: Floats, head: Points) -> dict[str, Floats]:
    left = _to_left(name, vertices)
    if name.startswith("femur"):
        left = left - head
    made = weights_of(name.split("_", maxsplit=1)[0], left)
    if name.startswith("hip"):
        steps = np.linspace(0, len(_ARCUATE_LINE) - 1, 60)
        line = np.stack([np.interp(steps, range(len(_ARCUATE_LINE)), _ARCUATE_LINE[:, axis]) for axis in range(3)], 1)
        distance = np.linalg.norm(left[:, None] - line[None], axis=2).min(1)
        made["arcuate_line"] = np.exp(-((distance / 8) ** 2)).astype(np.float32)
        made["fossa"] = np.exp(-((np.linalg.norm(left - _FOSSA, axis=1) / 38) ** 2)).astype(np.float32)
    elif name.startswith("femur"):
        made["calcar"] = np.exp(-((np.linalg.norm((left - _CALCAR) / [1, 1, 1.8], axis=1) / 14) ** 2)).astype(
            np.float32
        )
    return made


def _marks(name: str, vertices: Floats, head: Points) -> dict[str, NDArray[np.int64]]:
    left = _to_left(name, vertices)
    x, y, z = left.T

    def near(place: Points) -> NDArray[np.int64]:
        return np.argsort(((left - place) ** 2).sum(1))[:1]

    if name.startswith("hip"):
        return {
            "crest": np.argsort(z)[-1:],
            "flank": np.argsort(x)[-1:],
            "ischium": np.argsort(z)[:1],
            "symphysis": np.flatnonzero((z < 0) & (z > -45) & (x < 6)),
        }
    if name == "sacrum":
        middle = np.flatnonzero((np.abs(x) < 14) & (z > 70))
        top = np.flatnonzero((np.abs(x) < 14) & (y > 40) & (z > 60))
        return {
            "promontory": middle[y[middle] < y[middle].min() + 3],
            "rim": top[np.argsort(z[top])[-6:]],  # the back of S1's upper plate
            "tip": np.argsort(z)[:20],
            **{f"foramen_left_{level}": near(place) for level, place in enumerate(_FORAMINA)},
            **{f"foramen_right_{level}": near(place * [-1, 1, 1]) for level, place in enumerate(_FORAMINA)},
        }
    below = left - head
    return {
        "trochanter": near(head + np.array([53.0, 32, 2])),
        "neck": np.flatnonzero(np.abs(below[:, 2] + 62) < 8),
        "shaft": np.flatnonzero(np.abs(below[:, 2] + 150) < 8),
    }


def draw_skeleton(draw: Draw) -> Skeleton:
    """Draw one person's bones in the anatomical position, heads in their sockets.

    Factors: shape_modes, asymmetry, proportions, scale, symphysis, sacrum_shape, wing, every row of `DETAILS`, cortex,
    coccyx, lumbar.
    """
    model = shape_model()
    vertices = _draw_vertices(model, draw)
    _open_symphysis(model, vertices, draw("symphysis"))
    _bend_sacrum(vertices["sacrum"], draw("sacrum_shape"))
    _draw_details(model, vertices, draw)
    young = draw("young")
    scale = _scale(vertices, draw, young)
    cortex = draw("cortex")
    bones = {}
    for name, whole in vertices.items():
        outer = Surface(np.ascontiguousarray(whole, np.float32), model.faces[name])
        bones[name] = Bone(outer, outer.inset(_cortex_mm(model, name, outer, cortex, scale)), name)
    points, owner = _points(model, vertices)
    skeleton = Skeleton(bones, points, owner, 0.0, scale)
    skeleton.bones["coccyx"] = make_coccyx(points["tip"], scale, draw("coccyx"))
    owner["coccyx"], points["coccyx"] = "coccyx", skeleton.bones["coccyx"].outer.vertices[-2].astype(np.float64)
    skeleton.bones["lumbar"] = make_lumbar(points["promontory"], points["rim"], scale, draw("lumbar"))
    _seat_femora(model, skeleton)
    grow(skeleton, young)
    return skeleton


def _draw_vertices(model: ShapeModel, draw: Draw) -> dict[str, Floats]:
    modes, asymmetry = draw("shape_modes"), draw("asymmetry")
    weight = np.zeros(26)
    if modes:
        weight[:MODES] = np.clip(modes.rng.normal(size=MODES) * modes("sd"), -_MOST_SD, _MOST_SD)
    vertices = {}
    for name in PARTS:
        own = weight.copy()
        if asymmetry and name.endswith("right"):
            own[:MODES] += asymmetry.rng.normal(size=MODES) * asymmetry("hip_sd" if "hip" in name else "femur_sd")
        own = np.clip(own, -_MOST_SD, _MOST_SD).astype(np.float32)
        shift = own @ model.modes[name].reshape(26, -1)
        vertices[name] = np.asarray(model.mean[name] + shift.reshape(-1, 3), np.float32)
    return vertices


def _open_symphysis(model: ShapeModel, vertices: dict[str, Floats], symphysis: Drawn | None) -> None:
    """Bring the pubic bones' faces to a given distance, moving what is near them."""
    gap = symphysis("gap_mm") if symphysis else 4.5
    for name, sign in (("hip_left", 1), ("hip_right", -1)):
        hip = vertices[name]
        face = hip[model.marks[name]["symphysis"], 0] * sign
        below = np.clip((15 - hip[:, 2]) / 30, 0, 1)
        near = np.clip((45 - hip[:, 0] * sign) / 40, 0, 1) * below
        hip[:, 0] += sign * (gap / 2 - face.min()) * near


def _bend_sacrum(sacrum: Floats, shape: Drawn | None) -> None:
    """Lengthen, bend and narrow the sacrum from the promontory down."""
    if shape is None:
        return
    below = np.clip(sacrum[:, 2].max() - 25 - sacrum[:, 2], 0, None)
    sacrum[:, 2] -= below * shape("longer")
    sacrum[:, 1] += below**2 / 100 * shape("bend")
    sacrum[:, 0] *= 1 - np.clip((below - 50) / 60, 0, 1) * shape("narrower")


def _draw_details(model: ShapeModel, vertices: dict[str, Floats], draw: Draw) -> None:
    for detail in DETAILS:
        drawn = draw(detail.name)
        if drawn is None:
            continue
        amount_mm = drawn("amount_mm")
        for side in SIDES:
            name = f"{detail.bone}_{side}"
            displace(vertices[name], model.weights[name][detail.name], detail, side, amount_mm * drawn("side"))
    rim, wing = draw("acetabular_rim"), draw("wing")
    for side in SIDES:
        name = f"hip_{side}"
        hip = vertices[name]
        if rim:
            _raise_rim(hip, hip[model.socket[name]], rim)
        if wing:
            thinner = model.weights[name]["fossa"] * model.wall_mm[name] * wing("thinner")
            hip -= normals(hip, model.faces[name]) * thinner[:, None]


def _raise_rim(hip: Floats, socket: Floats, rim: Drawn) -> None:
    """Raise or lower the edge of the socket, unevenly round it: walls, osteophytes, dysplasia."""
    centre, radius = fit_sphere(socket)
    axis = centre - socket.mean(0)
    axis /= np.linalg.norm(axis)
    away = hip - centre
    distance, height = np.linalg.norm(away, axis=1), away @ axis
    near = np.exp(-(((distance - radius - 3) / 4) ** 2) - ((height - 4) / 8) ** 2)
    across = np.cross(axis, [0, 0, 1.0])
    up = np.cross(across, axis)
    angle = np.arctan2(away @ up, away @ across)
    uneven = 1 + rim("uneven") * np.sin(angle * rim.count("walls") + rim.rng.uniform(0, 2 * np.pi))
    hip += (axis[None] * (near * uneven * rim("amount_mm"))[:, None]).astype(np.float32)


def _scale(vertices: dict[str, Floats], draw: Draw, young: Drawn | None) -> float:
    proportions, size = draw("proportions"), draw("scale")
    wide, deep, high = (proportions("wide"), proportions("deep"), proportions("high")) if proportions else (1, 1, 1)
    scale = (size("scale") if size else 1.0) * (young("scale") if young else 1.0)
    for name in vertices:
        # Femora keep their proportions: a stretched head would no longer be round.
        stretch = (1.0, 1.0, 1.0) if name.startswith("femur") else (wide, deep, high)
        vertices[name] *= np.array(stretch, np.float32) * np.float32(scale)
    return scale


def _cortex_mm(model: ShapeModel, name: str, outer: Surface, cortex: Drawn | None, scale: float) -> Floats:
    """Give the thickness of compact bone at each vertex: by region, and never more than the wall allows."""
    weights, vertices = model.weights[name], outer.vertices
    if name == "sacrum":
        thick = np.full(len(vertices), cortex("sacrum_mm") if cortex else 0.6, np.float32)
    elif name.startswith("hip"):
        centre = fit_sphere(vertices[model.socket[name]])[0]
        socket = np.exp(-((np.linalg.norm(vertices - centre, axis=1) / (30 * scale)) ** 2))
        hip, near, line = (cortex("hip_mm"), cortex("socket_mm"), cortex("line_mm")) if cortex else (0.9, 1.0, 1.2)
        thick = hip + near * socket + line * weights["arcuate_line"]
    else:
        centre = fit_sphere(vertices[model.head])[0]
        along = np.clip((np.linalg.norm(vertices - centre, axis=1) / scale - 55) / 60, 0, 1)
        head, shaft, calcar = (
            (cortex("head_mm"), cortex("shaft_mm"), cortex("calcar_mm")) if cortex else (0.8, 5.0, 1.5)
        )
        thick = head + shaft * along + calcar * weights["calcar"]
    # Beyond 0.38 of the wall the two inner surfaces of a thin plate would meet.
    thick = np.minimum(thick, 0.38 * model.wall_mm[name] * scale)
    return np.asarray(thick, np.float32)


def _points(model: ShapeModel, vertices: dict[str, Floats]) -> tuple[dict[str, Points], dict[str, str]]:
    points: dict[str, Points] = {}
    owner: dict[str, str] = {}
    for name, marks in model.marks.items():
        for mark, numbers in marks.items():
            side = f"_{name.split('_')[1]}" if "_" in name else ""
            points[mark + side] = vertices[name][numbers].mean(0, dtype=np.float64)
            owner[mark + side] = name
    for side in SIDES:
        points[f"socket_{side}"] = fit_sphere(vertices[f"hip_{side}"][model.socket[f"hip_{side}"]])[0]
        owner[f"socket_{side}"] = f"hip_{side}"
        points[f"head_{side}"] = fit_sphere(vertices[f"femur_{side}"][model.head])[0]
        owner[f"head_{side}"] = f"femur_{side}"
    points["symphysis"] = (points.pop("symphysis_left") + points.pop("symphysis_right")) / 2
    owner["symphysis"] = "sacrum"
    for side in SIDES:
        del owner[f"symphysis_{side}"]
    points["promontory_left"] = points["promontory"] + [30, 0, 0]
    owner["promontory_left"] = "sacrum"
    return points, owner


def _seat_femora(model: ShapeModel, skeleton: Skeleton) -> None:
    """Put each head's centre into its socket's, and make the femur smaller where its head would not fit."""
    for side in SIDES:
        name = f"femur_{side}"
        bone, head = skeleton.bones[name], skeleton.points[f"head_{side}"]
        radius = fit_sphere(bone.outer.vertices[model.head])[1]
        room = fit_sphere(skeleton.bones[f"hip_{side}"].outer.vertices[model.socket[f"hip_{side}"]])[1]
        smaller = min(1.0, (room - 1.2 * skeleton.scale) / radius)
        skeleton.move(name, np.eye(3) * smaller, head, skeleton.points[f"socket_{side}"] - head)
        skeleton.head_radius_mm = radius * smaller
