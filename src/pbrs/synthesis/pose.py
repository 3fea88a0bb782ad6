"""Pose: how the femora lie in their sockets, and the pelvis on the table."""

import numpy as np

from pbrs.synthesis.factors import Draw
from pbrs.synthesis.skeleton import SIDES, Skeleton
from pbrs.synthesis.surface import rotation


def pose_femora(skeleton: Skeleton, draw: Draw) -> None:
    """Turn each femur about the centre of its head: abducted, flexed, and rotated outwards.

    Factors: legs, and legs_apart, which lets each leg lie as it wants.
    """
    legs, apart = draw("legs"), draw("legs_apart")
    names = ("abducted_deg", "flexed_deg", "rotated_deg")
    both = [legs(name) for name in names] if legs else [2.0, 5.0, 0.0]
    for side in SIDES:
        if apart:
            abducted, flexed, rotated = (apart(name) for name in names)
        else:
            abducted, flexed, rotated = (angle + (legs("apart_deg") * legs.sign() if legs else 0.0) for angle in both)
        sign = 1 if side == "left" else -1
        turn = rotation("y", -sign * abducted) @ rotation("x", -flexed) @ rotation("z", sign * rotated)
        skeleton.move(f"femur_{side}", turn, skeleton.points[f"head_{side}"], np.zeros(3))


def pose_pelvis(skeleton: Skeleton, draw: Draw) -> None:
    """Turn the whole skeleton: tilted forwards, rotated about the body's axis, oblique to the table."""
    pelvis = draw("pelvis")
    if pelvis:
        turn = rotation("y", pelvis("oblique_deg")) @ rotation("z", pelvis("rotated_deg"))
        skeleton.move_all(turn @ rotation("x", pelvis("tilted_deg")))
