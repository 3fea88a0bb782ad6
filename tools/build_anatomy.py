"""Build the bones' shape model from the public package it comes from, or check the one that is committed.

    python3 -m venv build/anatomy
    build/anatomy/bin/pip install 'numpy<2' 'scipy<1.12' gias3.fieldwork==3.0.1 trimesh==5.2.0
    build/anatomy/bin/pip download --no-deps -d build musculoskeletal-models==0.2.4
    W=build/musculoskeletal_models-0.2.4-py3-none-any.whl
    build/anatomy/bin/python tools/build_anatomy.py $W            writes src/pbrs/synthesis/llp26.npz
    build/anatomy/bin/python tools/build_anatomy.py $W --check    compares it, exit status 1 where it differs

LLP26 is a principal component model of pelvis and left femur, of 26 people, whose surfaces are made of cubic and
quartic elements. Here they become triangle meshes of the bones ``hipR``, ``hipL``, ``sac``, ``femL`` and ``femR``, in
the pelvis' own coordinates in mm: +x to the patient's left, +y backwards, +z to the head; origin midway between the hip
centres, anterior pelvic plane upright. 26 people give 25 modes of shape: the last one is empty. The femur stays where
the model has it, its head not quite in the socket's centre. In the file, for each bone

====== ================== ==============================================================================================
``_v`` (N, 3) float32     vertices of the mean shape
``_f`` (M, 3) int32       triangles, counter-clockwise seen from outside
``_m`` (26, N, 3) float32 modes times their standard deviation: a shape is v + Σ w m, every w of variance 1
``_th`` (N,) float32      distance through the bone to the opposite wall, at most 60
====== ================== ==============================================================================================

and the vertex numbers ``acetL`` of hipL and ``acetR`` of hipR, the sockets, and ``head`` of femL and femR.
"""

import argparse
import hashlib
import io
import pickle
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from gias3.fieldwork.field import geometric_field
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

TARGET = Path(__file__).parents[1] / "src/pbrs/synthesis/llp26.npz"
SHA256 = "4600abcc919bbb5e07252a0652de2b778b62450e18192979ecc3ac23b23b0fab"
MODEL = "musculoskeletal/models/shape_models/LLP26_rigid.pc"
MESHES = "musculoskeletal/models/atlas_meshes/"
# Name of the surface, of its mean, and its nodes among those of the model.
PELVIS = "pelvis_combined_cubic", slice(0, 1946)
FEMUR = "femur_left_quartic", slice(1946, 2580)
GRID = [8, 8]  # points along each side of an element
MAX_THICKNESS_MM = 60.0
TOLERANCE_MM = 1e-3

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]
Bone = tuple[Array, Array, Array]
"""Vertices (N, 3), triangles (M, 3), modes (26, N, 3)."""


class NumpyUnpickler(pickle.Unpickler):
    """Reads pickles of numpy arrays, and refuses all others: a pickle may name any function to be called."""

    ALLOWED = frozenset({("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in a shape model")
        return super().find_class(module_name, global_name)


def read_surfaces(wheel: Path) -> list[Bone]:
    """Read the model and evaluate its surfaces: pelvis and left femur, in the model's coordinates."""
    data = wheel.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{wheel} is not musculoskeletal-models 0.2.4")
    with zipfile.ZipFile(io.BytesIO(data)) as archive, tempfile.TemporaryDirectory() as folder:
        model = NumpyUnpickler(io.BytesIO(archive.read(MODEL)), encoding="latin1").load()
        for name in archive.namelist():
            if name.startswith(MESHES):
                (Path(folder) / Path(name).name).write_bytes(archive.read(name))
        mean = model["mean"].reshape(3, -1)
        modes = (model["modes"] * np.sqrt(model["weights"])).T.reshape(-1, *mean.shape)
        return [evaluate(Path(folder), name, mean[:, nodes], modes[:, :, nodes]) for name, nodes in (PELVIS, FEMUR)]


def evaluate(folder: Path, name: str, mean: Array, modes: Array) -> Bone:
    """Turn the elements into triangles, given the nodes of the mean (3, n) and of the modes (26, 3, n)."""
    # `pelvis_combined_cubic`, but `femur_left`
    of_mean = folder / f"{name.removesuffix('_quartic')}_mean_rigid_LLP26.geof"
    for path in (of_mean, folder / f"{name}_flat.ens", folder / f"{name}_flat.mesh"):
        if not path.read_text().startswith("{"):
            raise SystemExit(f"{path.name} is not JSON")  # the package would read it as a pickle
    field = geometric_field.load_geometric_field(of_mean, folder / f"{name}_flat.ens", folder / f"{name}_flat.mesh")
    field.set_field_parameters(mean[:, :, None])
    vertices, triangles, kept, _ = field.triangulate(GRID, merge=True, ret_vert_map=True)
    # A surface is linear in its nodes: a mode's vertices are those of its nodes.
    field.flatten_ensemble_field_function()
    moved = []
    for mode in modes:
        field.set_field_parameters(mode[:, :, None])
        moved.append(field.evaluate_geometric_field(GRID).T[kept])
    return vertices, outwards(vertices, triangles), np.array(moved)


def outwards(vertices: Array, triangles: Array) -> Array:
    """Give the triangles of one or more closed surfaces, counter-clockwise seen from outside."""
    volume = np.linalg.det(vertices[triangles]).sum() / 6
    return triangles if volume > 0 else triangles[:, ::-1]


def split(pelvis: Bone) -> tuple[Bone, Bone, Bone]:
    """Split the pelvis into what hangs together: right hip bone, sacrum, left hip bone."""
    vertices, triangles, modes = pelvis
    edges = np.concatenate([triangles[:, :2], triangles[:, 1:]]).T
    graph = coo_matrix((np.ones(edges.shape[1]), edges), shape=(len(vertices),) * 2)
    count, label = connected_components(graph, directed=False)
    bones = []
    for i in sorted(range(count), key=lambda i: vertices[label == i, 0].mean()):
        is_its = label == i
        number = np.cumsum(is_its) - 1
        bones.append((vertices[is_its], number[triangles[is_its[triangles[:, 0]]]], modes[:, is_its]))
    right, sacrum, left = bones
    return right, sacrum, left


def fit_sphere(points: Array) -> tuple[Array, float]:
    """Fit centre and radius by linear least squares: |p|² = 2 p·c + (r² − |c|²)."""
    solution = np.linalg.lstsq(np.c_[2 * points, np.ones(len(points))], (points**2).sum(1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def settle(step: Callable[[Array], Array], start: Array) -> Array:
    """Repeat the step until it changes nothing."""
    for _ in range(100):
        following = step(start)
        if np.array_equal(start, following):
            return following
        start = following
    raise SystemExit(f"{step} does not settle")


def find_head(vertices: Array) -> Array:
    """Give the numbers of the left femur's vertices that lie on the head's sphere, neck and shaft left out."""

    def on_sphere(seed: Array) -> Array:
        centre, radius = fit_sphere(vertices[seed])
        away = vertices - centre
        is_near = np.abs(np.linalg.norm(away, axis=1) - radius) < 1.2
        return np.flatnonzero(is_near & (away[:, 2] > -0.6 * radius) & (away[:, 0] < 0.5 * radius))

    is_top = vertices[:, 2] > vertices[:, 2].max() - 60
    is_inner = vertices[:, 0] < np.median(vertices[is_top, 0])
    return settle(on_sphere, np.flatnonzero(is_top & is_inner))


def find_socket(hip: Bone, guess: Array, head_radius: float) -> Array:
    """Give the numbers of the vertices about a head's distance from the centre that face it."""
    vertices, triangles, _ = hip
    normals = trimesh.Trimesh(vertices, triangles, process=False).vertex_normals

    def facing(centre: Array) -> Array:
        away = vertices - centre
        distance = np.linalg.norm(away, axis=1)
        is_near = (distance > 0.85 * head_radius) & (distance < 1.35 * head_radius)
        return np.flatnonzero(is_near & ((normals * away).sum(1) < -0.6 * distance))

    return settle(lambda seed: facing(fit_sphere(vertices[seed])[0]), facing(guess))


def pelvic_axes(left: Array, right: Array, across: Array) -> Array:
    """Give the rows x, y, z of the pelvic frame; vertices are relative to its origin, `across` points right to left.

    z lies in the anterior pelvic plane, through the foremost points of both iliac spines and of the pubis.
    """
    x = across / np.linalg.norm(across)

    def frame(z: Array) -> Array:
        z = z - z @ x * x
        z /= np.linalg.norm(z)
        return np.stack([x, np.cross(z, x), z])

    def better(z: Array) -> Array:
        axes = frame(z)
        spines, pubis = [], []
        for vertices in (left @ axes.T, right @ axes.T):
            is_high, is_low = vertices[:, 2] > 40, (vertices[:, 2] < 0) & (np.abs(vertices[:, 0]) < 45)
            spines.append(min(vertices[is_high], key=lambda vertex: vertex[1]))
            pubis.append(min(vertices[is_low], key=lambda vertex: vertex[1]))
        # rounded, or the last digit never settles
        return np.round((sum(spines) - sum(pubis)) @ axes, 9)

    return frame(settle(better, np.array([0.0, 0.0, 1.0])))


def thickness(vertices: Array, triangles: Array) -> Array:
    """Give the distance from each vertex to the nearest one behind it that faces away, smoothed a little."""
    normals = trimesh.Trimesh(vertices, triangles, process=False).vertex_normals
    distance, near = cKDTree(vertices).query(vertices, k=400)
    faces_away = (normals[near] * normals[:, None]).sum(-1) < -0.3
    depth = -((vertices[near] - vertices[:, None]) * normals[:, None]).sum(-1)
    through = np.where(faces_away & (depth > 0.7 * distance), distance, MAX_THICKNESS_MM).min(1)

    a, b = np.concatenate([triangles, triangles[:, [1, 2, 0]]]), np.concatenate([triangles[:, [1, 2, 0]], triangles])
    neighbours = coo_matrix((np.ones(a.size), (a.ravel(), b.ravel())), shape=(len(vertices),) * 2).tocsr()
    neighbours.data[:] = 1
    count = np.asarray(neighbours.sum(1)).ravel()
    for _ in range(3):
        through = (through + neighbours @ through / count) / 2
    return through


def build(wheel: Path) -> Arrays:
    """Give the arrays of the file."""
    pelvis, femur = read_surfaces(wheel)
    right, sacrum, left = split(pelvis)
    head = find_head(femur[0])
    head_centre, head_radius = fit_sphere(femur[0][head])
    left_socket = find_socket(left, head_centre, head_radius)
    left_centre, _ = fit_sphere(left[0][left_socket])
    # There is no right femur here: the right socket lies in its bone about as the left one does, mirrored.
    guess = right[0].mean(0) + (left_centre - left[0].mean(0)) * (-1, 1, 1)
    right_socket = find_socket(right, guess, head_radius)
    right_centre, _ = fit_sphere(right[0][right_socket])

    origin = (left_centre + right_centre) / 2
    axes = pelvic_axes(left[0] - origin, right[0] - origin, left_centre - right_centre)
    bones: dict[str, Bone] = {}
    for name, (vertices, triangles, modes) in {"hipR": right, "hipL": left, "sac": sacrum, "femL": femur}.items():
        placed = ((vertices - origin) @ axes.T).astype(np.float32)
        bones[name] = placed, triangles.astype(np.int32), (modes @ axes.T).astype(np.float32)
    vertices, triangles, modes = bones["femL"]
    mirror = np.array([-1, 1, 1], np.float32)
    bones["femR"] = vertices * mirror, triangles[:, ::-1], modes * mirror

    arrays: Arrays = {"acetL": left_socket, "acetR": right_socket, "head": head}
    for name, (vertices, triangles, modes) in bones.items():
        if not trimesh.Trimesh(vertices, triangles, process=False).is_watertight:
            raise SystemExit(f"{name} is not watertight")
        arrays |= {f"{name}_v": vertices, f"{name}_f": triangles, f"{name}_m": modes}
        arrays[f"{name}_th"] = thickness(vertices, triangles).astype(np.float32)
    return arrays


def sorted_triangles(triangles: Array) -> Array:
    """Give triangles in an order of their own, each beginning with its lowest vertex."""
    first = triangles.argmin(1)[:, None]
    rolled = np.take_along_axis(triangles, (first + np.arange(3)) % 3, axis=1)
    return rolled[np.lexsort(rolled.T)]


def check(built: Arrays, committed: Arrays) -> bool:
    """Print how far the two are from each other, whatever the order of their vertices; tell whether they agree."""
    if {key: array.shape for key, array in built.items()} != {key: array.shape for key, array in committed.items()}:
        print("the arrays are not the same, or not of the same shape")
        return False
    agrees = True
    for bone in ("hipR", "hipL", "sac", "femL", "femR"):
        _, order = cKDTree(built[f"{bone}_v"]).query(committed[f"{bone}_v"])
        for part in ("v", "m", "th"):
            theirs, ours = committed[f"{bone}_{part}"], built[f"{bone}_{part}"]
            ours = ours[:, order] if part == "m" else ours[order]
            difference = float(np.abs(theirs - ours).max())
            print(f"{bone + '_' + part:8} largest difference {difference:.1e} mm")
            agrees &= difference <= TOLERANCE_MM
        numbers = {"hipR": ["acetR"], "hipL": ["acetL"], "femL": ["head"]}.get(bone, [])
        same = {
            f"{bone}_f": np.array_equal(*map(sorted_triangles, (order[committed[f"{bone}_f"]], built[f"{bone}_f"])))
        }
        same |= {key: np.array_equal(np.sort(order[committed[key]]), np.sort(built[key])) for key in numbers}
        for key, is_same in same.items():
            print(f"{key:8} {len(built[key])} {'the same' if is_same else 'NOT the same'}")
        agrees &= all(same.values())
    return agrees


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path, help="musculoskeletal_models-0.2.4-py3-none-any.whl")
    parser.add_argument("--check", action="store_true", help="compare the committed model instead of writing it")
    options = parser.parse_args()
    built = build(options.wheel)
    if not options.check:
        np.savez_compressed(TARGET, **built)
        return
    with np.load(TARGET, allow_pickle=False) as committed:
        if not check(built, dict(committed)):
            sys.exit(1)


main()
