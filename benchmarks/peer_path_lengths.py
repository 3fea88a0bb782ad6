"""Path lengths of rays through closed meshes by ray casting: runs in the peers' environment, driven by `synthesis.py`.

Reads a line from standard input for each time to do it, and answers with the seconds that it took and the sum of all
lengths in mm.
"""

import sys
import time

import embreex
import numpy as np
import trimesh

arrays = np.load(sys.argv[1])
source = arrays["source"]
directions = arrays["ends"] - source
directions /= np.linalg.norm(directions, axis=1, keepdims=True)
origins = np.broadcast_to(source, directions.shape)
meshes = [trimesh.Trimesh(arrays[f"v{i}"], arrays[f"f{i}"], process=False) for i in range(5)]
casters = [trimesh.ray.ray_pyembree.RayMeshIntersector(mesh) for mesh in meshes]
print(f"trimesh {trimesh.__version__} with Embree (embreex {embreex.__version__})", flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    total = 0.0
    for caster in casters:
        places, rays, triangles = caster.intersects_location(origins, directions)
        distance = np.linalg.norm(places - source, axis=1)
        entering = np.einsum("ij,ij->i", caster.mesh.face_normals[triangles], directions[rays]) < 0
        path = np.bincount(rays, np.where(entering, -distance, distance), len(directions))
        total += float(path.sum())
    print(time.perf_counter() - started, total, flush=True)
