"""Injury: bones cut along rough surfaces and displaced, joints torn open, heads out of their sockets.

Everything happens in the anatomical position, before the pelvis is laid on the table; whatever hangs on a piece moves
with it.
"""

import numpy as np

from pbrs.synthesis.cut import Where, cut, plane, rough_plane, within
from pbrs.synthesis.factors import Draw, Drawn
from pbrs.synthesis.skeleton import SIDES, Gap, Points, Skeleton
from pbrs.synthesis.surface import rotation

_NO_TURN = np.eye(3)
_UP = np.array([0.0, 0.0, 1.0])


def injure_femora(skeleton: Skeleton, draw: Draw) -> None:
    """Break femora, or cut their heads off for a prosthesis; before the legs take their pose.

    Factors: arthroplasty, neck_fracture, trochanteric_fracture, shaft_fracture, avulsion.
    """
    arthroplasty, avulsion = draw("arthroplasty"), draw("avulsion")
    breaks = [draw(name) for name in ("neck_fracture", "trochanteric_fracture", "shaft_fracture")]
    if arthroplasty:
        both = arthroplasty.happens(0.3)
        for side in SIDES if both else (_side(arthroplasty),):
            _cut_head_off(skeleton, side, arthroplasty)
    if avulsion:
        _avulse(skeleton, avulsion)
    for kind, drawn in zip(("neck", "trochanter", "shaft"), breaks, strict=True):
        if drawn is None:
            continue
        side = _side(drawn)
        if side not in skeleton.arthroplasty or kind == "shaft":
            _break_femur(skeleton, side, kind, drawn)


def injure_pelvis(skeleton: Skeleton, draw: Draw) -> None:
    """Break the ring, tear it open, dislocate hips; after the legs have taken their pose.

    Factors: ramus_fracture, wing_fracture, acetabular_fracture, sacral_fracture, open_book, vertical_shear,
    dislocation, protrusion, hairline.
    """
    for name, act in (
        ("ramus_fracture", _break_ramus),
        ("wing_fracture", _break_wing),
        ("acetabular_fracture", _break_acetabulum),
        ("sacral_fracture", _break_sacrum),
        ("open_book", _open_book),
        ("vertical_shear", _shear),
        ("dislocation", _dislocate),
        ("protrusion", _protrude),
        ("hairline", _crack),
    ):
        drawn = draw(name)
        if drawn:
            act(skeleton, drawn)


def grow(skeleton: Skeleton, young: Drawn | None) -> None:
    """Leave the growth plates of the young open: of the femoral head, the greater trochanter and the acetabulum."""
    if young is None:
        return
    width, share = young("plate_mm"), young("share")
    for side in SIDES:
        sign = 1 if side == "left" else -1
        head, neck = skeleton.points[f"head_{side}"], skeleton.points[f"neck_{side}"]
        along = _unit(neck - head + [0, 0, 25])
        femur, hip = f"femur_{side}", f"hip_{side}"
        tip, socket = skeleton.points[f"trochanter_{side}"], skeleton.points[f"socket_{side}"]
        lower_ramus = (skeleton.points[f"ischium_{side}"] + skeleton.points["symphysis"]) / 2 - [0, 0, 5]
        radius = skeleton.head_radius_mm
        skeleton.gaps += [
            Gap(femur, head + along * radius * young("at"), along, width, 1.3 * radius, share),
            Gap(femur, tip - [0, 0, young("apophysis_mm")], _unit([sign * 0.5, 0, 1]), width, radius, share),
            Gap(hip, socket + [0, 0, young("triradiate_mm")], _unit([sign * 0.15, 0.2, 1]), width, 1.6 * radius, share),
            Gap(hip, lower_ramus, _unit([sign, 0, -0.6]), width, 0.6 * radius, share * 0.6),
        ]


def _side(drawn: Drawn) -> str:
    return "left" if drawn.happens(0.5) else "right"


def _unit(vector: Points | list[float]) -> Points:
    return np.asarray(vector, np.float64) / np.linalg.norm(vector)


def _sever(skeleton: Skeleton, bone: str, where: Where) -> str | None:
    """Cut a bone (the piece that keeps its name) and tell the name of the piece beyond, if there is one."""
    near, far = cut(skeleton.bones[bone], where)
    if len(near.outer.faces) == 0 or len(far.outer.faces) == 0:
        return None
    piece = f"{bone}/{sum(name.startswith(f'{bone}/') for name in skeleton.bones) + 1}"
    skeleton.bones[bone], skeleton.bones[piece] = near, far
    for point, owner in skeleton.owner.items():
        if owner == bone and where(skeleton.points[point][None])[0] > 0:
            skeleton.owner[point] = piece
    return piece


def _cut_head_off(skeleton: Skeleton, side: str, arthroplasty: Drawn) -> None:
    head, neck = skeleton.points[f"head_{side}"], skeleton.points[f"neck_{side}"]
    along = _unit(neck - head + [0, 0, 25])
    where = plane(head + along * arthroplasty("neck_mm") * skeleton.scale, -along)
    bone = f"femur_{side}"
    near, far = cut(skeleton.bones[bone], where)
    if len(near.outer.faces) and len(far.outer.faces):
        skeleton.bones[bone] = near
        skeleton.arthroplasty.append(side)


def _break_femur(skeleton: Skeleton, side: str, kind: str, drawn: Drawn) -> None:
    head, neck, shaft = (skeleton.points[f"{name}_{side}"] for name in ("head", "neck", "shaft"))
    sign = 1 if side == "left" else -1
    if kind == "neck":
        along = _unit(neck - head + [0, 0, 25])
        point, normal = head + along * drawn("at_mm"), along + drawn.rng.normal(size=3) * 0.25
    elif kind == "trochanter":
        point = neck + [0, 0, drawn("at_mm")]
        normal = np.array([sign * 0.8, 0, -0.7]) + drawn.rng.normal(size=3) * 0.25
    else:
        point, normal = shaft + [0, 0, -drawn("at_mm")], np.array([drawn("slope"), drawn("slope"), -1.0])
    where = rough_plane(point, normal, drawn("rough_mm"), drawn.rng)
    piece = _sever(skeleton, f"femur_{side}", where)
    if piece is None:
        return
    turn = rotation("y", sign * drawn("bent_deg")) @ rotation("z", sign * drawn("rotated_deg"))
    shift = np.array([sign * drawn("aside_mm"), drawn("deep_mm"), drawn("shortened_mm")])
    skeleton.move(piece, turn, point, shift)


def _avulse(skeleton: Skeleton, drawn: Drawn) -> None:
    """Pull a sliver off: of the lesser or the greater trochanter, or of the ischium."""
    side = _side(drawn)
    sign = 1 if side == "left" else -1
    head, tip = skeleton.points[f"head_{side}"], skeleton.points[f"trochanter_{side}"]
    if drawn.happens(0.6):
        bone, point, normal = f"femur_{side}", head + [sign * 14, 15, -60], np.array([-sign, 0.7, 0.1])
    elif drawn.happens(0.6):
        bone, point, normal = f"femur_{side}", tip + [-sign * 2, 0, -14], np.array([sign * 0.5, 0.2, 1.0])
    else:
        bone, point = f"hip_{side}", skeleton.points[f"ischium_{side}"] + [0, 0, 12]
        normal = np.array([sign * 0.6, 0.2, -1.0])
    where = within(rough_plane(point, normal, drawn("rough_mm"), drawn.rng), point, 24 * skeleton.scale)
    piece = _sever(skeleton, bone, where)
    if piece:
        skeleton.move(piece, rotation("y", drawn("turned_deg")), point, _unit(normal) * drawn("pulled_mm"))


def _break_ramus(skeleton: Skeleton, drawn: Drawn) -> None:
    """Break both rami of one side or of both: the piece at the symphysis moves."""
    for side in SIDES if drawn.happens(0.25) else (_side(drawn),):
        sign = 1 if side == "left" else -1
        point = skeleton.points["symphysis"] + [sign * drawn("at_mm"), 0, 0]
        normal = np.array([-sign, 0, 0]) + drawn.rng.normal(size=3) * [0, 0.3, 0.3]
        where = rough_plane(point, normal, drawn("rough_mm"), drawn.rng)
        _displace_piece(
            skeleton, f"hip_{side}", within(where, skeleton.points["symphysis"], 80 * skeleton.scale), drawn
        )


def _break_wing(skeleton: Skeleton, drawn: Drawn) -> None:
    side = _side(drawn)
    point = skeleton.points[f"crest_{side}"] * [1, 0, 1] - [0, 0, drawn("below_mm")]
    sign = 1 if side == "left" else -1
    normal = _UP + np.array([sign * drawn("slope"), 0, 0])
    _displace_piece(skeleton, f"hip_{side}", rough_plane(point, normal, drawn("rough_mm"), drawn.rng), drawn)


def _break_acetabulum(skeleton: Skeleton, drawn: Drawn) -> None:
    """Break the hip across its socket: the lower part moves inwards, and half as far the femur."""
    side = _side(drawn)
    sign = 1 if side == "left" else -1
    point = skeleton.points[f"socket_{side}"] + [0, 0, drawn("above_mm")]
    normal = -_UP + drawn.rng.normal(size=3) * [0.4, 0.3, 0]
    where = rough_plane(point, normal, drawn("rough_mm"), drawn.rng)
    piece = _sever(skeleton, f"hip_{side}", where)
    if piece:
        shift = np.array([-sign * drawn("inwards_mm"), 0, drawn("up_mm")])
        skeleton.move(piece, rotation("y", drawn("turned_deg")), skeleton.points["symphysis"], shift)
        skeleton.move(f"femur_{side}", _NO_TURN, np.zeros(3), shift * drawn("femur_share"))


def _displace_piece(skeleton: Skeleton, bone: str, where: Where, drawn: Drawn) -> None:
    piece = _sever(skeleton, bone, where)
    if piece:
        turn = rotation("y", drawn("turned_deg")) @ rotation("x", drawn("turned_deg"))
        middle = skeleton.bones[piece].outer.vertices[skeleton.bones[piece].outer.faces[:, 0]].mean(0, dtype=np.float64)
        skeleton.move(piece, turn, middle, _unit(drawn.rng.normal(size=3)) * drawn("displaced_mm"))


def _break_sacrum(skeleton: Skeleton, drawn: Drawn) -> None:
    """Break the sacrum from top to bottom beside its middle, or across below the joints."""
    if drawn.happens(0.6):
        side = _side(drawn)
        sign = 1 if side == "left" else -1
        point, normal = skeleton.points["promontory"] + [sign * drawn("beside_mm"), 0, 0], np.array([sign, 0, 0.1])
        shift = np.array([sign * 0.4, 0, 1.0]) * drawn("displaced_mm")
        piece = _sever(skeleton, "sacrum", rough_plane(point, normal, drawn("rough_mm"), drawn.rng))
        if piece:
            skeleton.move(piece, _NO_TURN, point, shift)
            _move_side(skeleton, side, _NO_TURN, point, shift)
    else:
        low = skeleton.points["tip"] + [0, 0, drawn("above_tip_mm")]
        piece = _sever(skeleton, "sacrum", rough_plane(low, -_UP, drawn("rough_mm"), drawn.rng))
        if piece:
            shift = np.array([drawn("displaced_mm") * 0.3, -drawn("displaced_mm"), 0])
            skeleton.move(piece, rotation("x", -drawn("bent_deg")), low, shift)
            skeleton.move("coccyx", rotation("x", -drawn("bent_deg")), low, shift)


def _move_side(skeleton: Skeleton, side: str, turn: Points, about: Points, shift: Points) -> None:
    """Move a hip bone with its leg."""
    for bone in (f"hip_{side}", f"femur_{side}"):
        skeleton.move(bone, turn, about, shift)


def _open_book(skeleton: Skeleton, drawn: Drawn) -> None:
    """Open the symphysis: one hip or both turn outwards about the sacroiliac joint."""
    for side in SIDES if drawn.happens(0.5) else (_side(drawn),):
        sign = 1 if side == "left" else -1
        joint = skeleton.points["promontory"] + [sign * 42, 55, 0]
        reach = float(joint[1] - skeleton.points["symphysis"][1])
        turn = rotation("z", sign * float(np.degrees(drawn("open_mm") / reach)))
        _move_side(skeleton, side, turn, joint, np.array([sign * drawn("joint_mm"), 0, 0]))


def _shear(skeleton: Skeleton, drawn: Drawn) -> None:
    """Push one half of the pelvis upwards."""
    side = _side(drawn)
    sign = 1 if side == "left" else -1
    _move_side(skeleton, side, _NO_TURN, np.zeros(3), np.array([sign * drawn("aside_mm"), 0, drawn("up_mm")]))


def _dislocate(skeleton: Skeleton, drawn: Drawn) -> None:
    """Take a head out of its socket: mostly backwards, upwards and turned inwards, else forwards and down."""
    side = _side(drawn)
    sign = 1 if side == "left" else -1
    backwards = drawn.happens(0.75)
    up = 1.0 if backwards else -0.8
    shift = np.array([sign * drawn("aside_mm") * up, drawn("deep_mm") * up, drawn("up_mm") * up])
    turn = rotation("y", sign * drawn("turned_deg") * up) @ rotation("z", -sign * drawn("turned_deg") * up)
    skeleton.move(f"femur_{side}", turn, skeleton.points[f"head_{side}"], shift)


def _protrude(skeleton: Skeleton, drawn: Drawn) -> None:
    side = _side(drawn)
    sign = 1 if side == "left" else -1
    skeleton.move(f"femur_{side}", _NO_TURN, np.zeros(3), np.array([-sign * drawn("inwards_mm"), 0, drawn("up_mm")]))


def _crack(skeleton: Skeleton, drawn: Drawn) -> None:
    """Leave a fracture without displacement: a thin dark line."""
    for _ in range(drawn.count("lines")):
        bone = str(drawn.rng.choice(["hip_left", "hip_right", "sacrum", "femur_left", "femur_right"]))
        vertices = skeleton.bones[bone].outer.vertices
        above = vertices[vertices[:, 2] > -110]
        point = above[drawn.rng.integers(len(above))].astype(np.float64)
        normal = _unit(drawn.rng.normal(size=3) * [1, 0.3, 1])
        skeleton.gaps.append(Gap(bone, point, normal, drawn("width_mm"), drawn("reach_mm"), drawn("share")))
