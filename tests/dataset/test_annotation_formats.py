"""Annotation files of each tool: what they enclose is the mask, what encloses nothing is refused by name."""

import copy
import json
import math
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pbrs.dataset.annotation_formats import ANNOTATION_FORMATS, find_format, parse
from pbrs.dataset.folder import open_dataset
from pbrs.dataset.image_name import possible_stems
from pbrs.dataset.import_masks import ImportReport, import_masks
from pbrs.dataset.label_studio_rle import decode_brush
from pbrs.errors import InputError

HEIGHT, WIDTH = SHAPE = 40, 50
STEM = "case_1"
# Columns 10–19, rows 20–29.
SQUARE = [[10, 20], [20, 20], [20, 30], [10, 30]]
# What label-studio-sdk 2.1.2 (converter.brush.mask2rle) makes of 8×10 pixels of which rows 2–4 of columns 3–7 and row 6
# of column 1 are painted.
BRUSH = [0, 0, 1, 64, 57, 27, 254, 91, 0, 194, 127, 248, 76, 3, 9, 255, 225, 48, 12, 39]
BRUSH += [255, 140, 192, 35, 255, 200, 224, 0]


def _write_image(folder: Path, name: str, shape: tuple[int, int] = SHAPE) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray((np.indices(shape).sum(0) * 2).astype(np.uint8)).save(folder / name)


def _import(tmp_path: Path, name: str, content: Any, **options: Any) -> tuple[np.ndarray, ImportReport]:
    """Import one annotation file for the image `case_1.png`; give the mask and the report."""
    if not (tmp_path / "images").exists():
        _write_image(tmp_path / "images", f"{STEM}.png")
    file = tmp_path / "masks" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    report = import_masks(tmp_path / "masks", tmp_path / "images", tmp_path / "out", **options)
    return open_dataset(tmp_path / "out").read(STEM)[1], report


def _square() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[20:30, 10:20] = True
    return mask


def _coco(outline: Any, file_name: str = f"{STEM}.png", **extra: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": file_name, "height": HEIGHT, "width": WIDTH, **extra}],
        "categories": [{"id": 0, "name": "pelvis"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 0, "segmentation": outline, "bbox": [1, 1, 9, 9]}],
    }


def _labelme(points: Any, kind: str = "polygon", path: str = f"{STEM}.png") -> dict[str, Any]:
    shape = {"label": "pelvis", "shape_type": kind, "points": points}
    return {"shapes": [shape], "imagePath": path, "imageHeight": HEIGHT, "imageWidth": WIDTH}


def _cvat(shapes: str, image: str = f'name="set/{STEM}.png" width="{WIDTH}" height="{HEIGHT}"') -> str:
    return (
        f'<?xml version="1.0"?><annotations><version>1.1</version><image id="0" {image}>{shapes}</image></annotations>'
    )


def _cvat_polygon(points: Any) -> str:
    return _cvat(f'<polygon label="pelvis" points="{";".join(f"{x:.2f},{y:.2f}" for x, y in points)}"/>')


def _label_studio(*results: dict[str, Any], **task: Any) -> list[dict[str, Any]]:
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return [
        {
            "id": 1,
            "data": {"image": f"/data/upload/1/1a2b3c4d-{STEM}.png"},
            "annotations": [{"was_cancelled": False, "result": [{**size, **result} for result in results]}],
            "predictions": [],
            **task,
        }
    ]


def _label_studio_polygon(points: Any) -> dict[str, Any]:
    per_cent = (np.array(points) * 100 / [WIDTH, HEIGHT]).tolist()
    value = {"points": per_cent, "closed": True, "polygonlabels": ["pelvis"]}
    return {"id": "x", "type": "polygonlabels", "value": value}


def _via(shape: dict[str, Any], attributes: Any = None, name: str = f"{STEM}.png") -> dict[str, Any]:
    region = {"shape_attributes": shape, "region_attributes": {"bone": "pelvis"} if attributes is None else attributes}
    return {f"{name}123": {"filename": name, "size": 123, "regions": [region], "file_attributes": {}}}


def _via_polygon(points: Any) -> dict[str, Any]:
    x, y = zip(*points, strict=True)
    return _via({"name": "polygon", "all_points_x": x, "all_points_y": y})


def _yolo(points: Any) -> str:
    return "0 " + " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in points)


FORMATS = {
    "coco": ("a.json", lambda points: _coco([np.ravel(points).tolist()])),
    "labelme": (f"{STEM}.json", _labelme),
    "cvat": ("annotations.xml", _cvat_polygon),
    "labelstudio": ("project-1.json", lambda points: _label_studio(_label_studio_polygon(points))),
    "via": ("via_project.json", lambda points: {"_via_settings": {}, "_via_img_metadata": _via_polygon(points)}),
    "yolo": (f"labels/train/{STEM}.txt", _yolo),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_polygon_of_each_tool_is_its_pixels(tmp_path: Path, name: str) -> None:
    file, make = FORMATS[name]
    mask, _ = _import(tmp_path, file, make(SQUARE))
    np.testing.assert_array_equal(mask, _square())
    assert open_dataset(tmp_path / "out").info["mask_format"] == name


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([[5, 5], [15, 15], [25, 25]], "on a line or within one pixel"),
        ([[600, 600], [700, 600], [700, 700]], "beyond"),
    ],
)
def test_a_polygon_that_encloses_nothing_is_refused_by_name(tmp_path: Path, name: str, points: Any, told: str) -> None:
    file, make = FORMATS[name]
    with pytest.raises(InputError, match=told) as error:
        _import(tmp_path, file, make(points))
    assert Path(file).name in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


SHARES = [[0, 0], [1, 0], [1, 1], [0, 1]]
TAG = 'label="pelvis"'


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.json", _coco([]), "annotation 7 of case_1 is no mask: it has a box only"),
        ("a.json", _coco([np.ravel(SHARES).tolist()]), "between 0 and 1, where pixels are expected"),
        ("a.json", _coco({"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}), "run lengths are empty"),
        (f"{STEM}.json", _labelme(SHARES), "between 0 and 1"),
        (f"{STEM}.json", _labelme([[1, 1], [9, 9]], "line"), "it is a line"),
        ("a.xml", _cvat_polygon(SHARES), "between 0 and 1"),
        ("a.xml", _cvat(f'<polyline {TAG} points="1,1;9,1;9,9"/>'), "it is a polyline"),
        ("a.xml", _cvat(f'<mask {TAG} rle="6" left="1" top="1" width="3" height="2"/>'), "run lengths are empty"),
        ("a.json", _via({"name": "polyline", "all_points_x": [1, 5], "all_points_y": [1, 5]}), "it is a polyline"),
        ("a.json", _via({"name": "circle", "cx": 20, "cy": 20, "r": 0}), "its radius is not above 0"),
        (f"labels/{STEM}.txt", "0 0.5 0.5 0.2 0.3\n", "it is a box"),
        (f"labels/{STEM}.txt", "0 10 20 20 20 20 30\n", "shares of width and height are expected"),
        (f"labels/{STEM}.txt", "0 .1 .1 .5 .1 .5 .5 .9\n", "no confidence"),
    ],
)
def test_what_is_no_outline_is_refused_with_its_reason(tmp_path: Path, file: str, content: Any, told: str) -> None:
    with pytest.raises(InputError, match=told) as error:
        _import(tmp_path, file, content)
    assert STEM in str(error.value)


def _disc(x: float, y: float, across: float, down: float) -> np.ndarray:
    row, column = np.ogrid[:HEIGHT, :WIDTH]
    return ((column + 0.5 - x) / across) ** 2 + ((row + 0.5 - y) / down) ** 2 <= 1


def _diamond() -> np.ndarray:
    """A square of 10√2 turned by 45° about (25.3, 20): |x| + |y| < 10."""
    row, column = np.ogrid[:HEIGHT, :WIDTH]
    return np.abs(column + 0.5 - 25.3) + np.abs(row + 0.5 - 20) < 10


HALF = 5 * math.sqrt(2)


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("a.xml", _cvat(f'<ellipse {TAG} cx="25.3" cy="20.1" rx="9" ry="5"/>'), _disc(25.3, 20.1, 9, 5)),
        ("a.xml", _cvat(f'<ellipse {TAG} cx="25.3" cy="20.1" rx="9" ry="5" rotation="90"/>'), _disc(25.3, 20.1, 5, 9)),
        (
            "a.xml",
            _cvat(
                f'<box {TAG} xtl="{25.3 - HALF}" ytl="{20 - HALF}" xbr="{25.3 + HALF}" ybr="{20 + HALF}" '
                'rotation="45"/>'
            ),
            _diamond(),
        ),
        ("a.json", _via({"name": "circle", "cx": 25.3, "cy": 20.1, "r": 7}), _disc(25.3, 20.1, 7, 7)),
        (
            "a.json",
            _via({"name": "ellipse", "cx": 25.3, "cy": 20.1, "rx": 9, "ry": 5, "theta": math.pi / 2}),
            _disc(25.3, 20.1, 5, 9),
        ),
        ("a.json", _via({"name": "rect", "x": 10, "y": 20, "width": 10, "height": 10}), _square()),
        (
            "a.json",
            _label_studio(
                {
                    "type": "ellipselabels",
                    "value": {"x": 50, "y": 50, "radiusX": 18, "radiusY": 12.5, "ellipselabels": ["pelvis"]},
                }
            ),
            _disc(25, 20, 9, 5),
        ),
        (
            "a.json",
            _label_studio(
                {
                    # Turned clockwise about its upper left corner, which is the upper corner of the diamond.
                    "type": "rectanglelabels",
                    "value": {
                        "x": 50.6,
                        "y": 25,
                        "width": 2 * HALF / WIDTH * 100,
                        "height": 2 * HALF / HEIGHT * 100,
                        "rotation": 45,
                        "rectanglelabels": ["pelvis"],
                    },
                }
            ),
            _diamond(),
        ),
    ],
)
def test_round_and_turned_shapes_are_drawn_where_they_were(
    tmp_path: Path, file: str, content: Any, expected: np.ndarray
) -> None:
    mask, _ = _import(tmp_path, file, content)
    assert (mask != expected).sum() <= 2


def test_a_mask_of_boxes_only_is_told(tmp_path: Path) -> None:
    _, report = _import(tmp_path, "a.xml", _cvat(f'<box {TAG} xtl="10" ytl="20" xbr="20" ybr="30"/>'))
    assert "1 masks are boxes only, which are hardly outlines of bone: case_1" in report.notes


def test_cvat_masks_run_along_the_rows_of_their_box(tmp_path: Path) -> None:
    # CVAT, "Run-length encoding": 0, 1, 1 / 1, 0, 0 is 1, 3, 2.
    mask, _ = _import(tmp_path, "a.xml", _cvat(f'<mask {TAG} rle="1, 3, 2" left="10" top="20" width="3" height="2"/>'))
    assert np.argwhere(mask).tolist() == [[20, 11], [20, 12], [21, 10]]


def test_a_brush_of_label_studio_is_what_its_own_library_painted(tmp_path: Path) -> None:
    expected = np.zeros((8, 10), bool)
    expected[2:5, 3:8] = expected[6, 1] = True
    np.testing.assert_array_equal(decode_brush(BRUSH, (8, 10)), expected)
    _write_image(tmp_path / "images", f"{STEM}.png", (8, 10))
    value = {"format": "rle", "rle": BRUSH, "brushlabels": ["pelvis"]}
    content = _label_studio({"type": "brushlabels", "value": value, "original_width": 10, "original_height": 8})
    np.testing.assert_array_equal(_import(tmp_path, "a.json", content)[0], expected)


@pytest.mark.parametrize(
    "code", [[], BRUSH[:12], [*BRUSH[:4], 255, *BRUSH[5:]], [300], ["a"], [0, 0, 1, 63, *BRUSH[4:]]]
)
def test_a_damaged_brush_is_refused(code: Any) -> None:
    with pytest.raises(InputError, match="of 10×8 pixels cannot be read"):
        decode_brush(code, (8, 10))


def test_of_several_annotations_of_a_task_the_true_one_counts(tmp_path: Path) -> None:
    square = _label_studio(_label_studio_polygon(SQUARE))[0]["annotations"][0]
    other = _label_studio(_label_studio_polygon([[1, 1], [9, 1], [9, 9]]))[0]["annotations"][0]
    with pytest.raises(InputError, match=r"2 annotations of .*: keep one, or mark one as ground truth"):
        _import(tmp_path, "a.json", _label_studio(annotations=[square, other]))
    content = _label_studio(annotations=[{**square, "ground_truth": True}, other], predictions=[other])
    np.testing.assert_array_equal(_import(tmp_path, "a.json", content)[0], _square())
    (tmp_path / "out").rename(tmp_path / "first")
    content = _label_studio(annotations=[square, {**other, "was_cancelled": True}])
    np.testing.assert_array_equal(_import(tmp_path, "a.json", content)[0], _square())


def test_yolo_classes_have_the_names_of_data_yaml(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "data.yaml").write_text("nc: 2\nnames: ['hip_left', 'marker']\n")
    _, report = _import(
        tmp_path, f"train/labels/{STEM}.txt", f"{_yolo(SQUARE)}\n1 .1 .1 .2 .1 .2 .2\n", category="marker"
    )
    hip = open_dataset(tmp_path / "out").read_structure(STEM, "hip_left", SHAPE)
    np.testing.assert_array_equal(hip, _square())
    assert report.masks == 1


def test_roboflow_and_label_studio_rename_images_and_are_seen_through(tmp_path: Path) -> None:
    renamed = f"{STEM}_png.rf.0123456789abcdef0123456789abcdef.jpg"
    mask, _ = _import(tmp_path, "a.json", _coco([np.ravel(SQUARE).tolist()], renamed))
    np.testing.assert_array_equal(mask, _square())
    (tmp_path / "out").rename(tmp_path / "first")
    content = _coco([np.ravel(SQUARE).tolist()], "frame0.jpg", extra={"name": f"{STEM}.png"})
    np.testing.assert_array_equal(_import(tmp_path, "a.json", content)[0], _square())
    # An image that has the very name goes first.
    assert possible_stems(f"1a2b3c4d-{STEM}.png") == [f"1a2b3c4d-{STEM}", STEM]


def test_the_own_name_of_a_labelme_file_goes_before_a_stale_one(tmp_path: Path) -> None:
    _write_image(tmp_path / "images", f"{STEM}.png")
    _write_image(tmp_path / "images", "other.png")
    mask, report = _import(tmp_path, f"{STEM}.json", _labelme(SQUARE, path="..\\other.png"))
    np.testing.assert_array_equal(mask, _square())
    assert report.images == 1
    assert any("name another image (imagePath)" in note and f"{STEM}.json" in note for note in report.notes)


def test_names_of_a_mac_are_the_same_names(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Béatrice") for form in ("NFC", "NFD"))
    _write_image(tmp_path / "images", f"{decomposed}.png")
    (tmp_path / "masks").mkdir()
    content = _coco([np.ravel(SQUARE).tolist()], f"{composed}.png")
    (tmp_path / "masks" / "a.json").write_text(json.dumps(content))
    import_masks(tmp_path / "masks", tmp_path / "images", tmp_path / "out")
    (tmp_path / "out" / "patients.csv").write_text(f"stem;patient\n{decomposed};P1\n", encoding="utf-8-sig")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.stems == [composed]
    assert dataset.patients == {composed: "P1"}


def test_a_mask_of_other_proportions_is_not_resized(tmp_path: Path) -> None:
    content = _coco([np.ravel(SQUARE).tolist()])
    content["images"][0].update(width=64, height=64)
    with pytest.raises(InputError, match="in other proportions"):
        _import(tmp_path, "a.json", content, resize=True)


def test_entities_in_xml_are_refused_before_they_grow(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotations>&c;</annotations>'
    with pytest.raises(InputError, match="declares entities"):
        _import(tmp_path, "a.xml", bomb)


def test_via_outlines_far_beyond_the_image_are_of_another_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="so that another one was annotated"):
        _import(tmp_path, "a.json", _via_polygon([[10, 20], [90, 20], [90, 30]]))


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.json", _coco([np.ravel(SQUARE).tolist()])["annotations"], "no masks"),
        (f"labels/{STEM}.txt", "0,0.2,0.5,0.4,0.5,0.4,0.75\n", "line 1: expected a class number"),
        (f"labels/{STEM}.txt", "-1 .2 .5 .4 .5 .4 .7\n", "line 1: expected a class number"),
        (f"{STEM}.json", {**_labelme(SQUARE), "shapes": []}, "LabelMe files without any annotation"),
        ("a.json", _label_studio(annotations=[]), "Label Studio files without any annotation"),
        ("a.json", [{"image": "a.png", "annotation_id": 1}], "JSON-MIN: export as JSON"),
        ("a.json", {"project": {}, "metadata": {}, "file": {}}, "VIA 3"),
        ("a.xml", "<annotations><track label='p'/></annotations>", "CVAT for video"),
        ("a.xml", "<annotation><object/></annotation>", "Pascal VOC, which has boxes only"),
        ("annotations.zip", "PK", "unpack it first"),
    ],
)
def test_an_export_of_another_kind_is_named(tmp_path: Path, file: str, content: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        _import(tmp_path, file, content)


def test_a_line_that_comes_back_in_a_polygon_cuts_a_hole(tmp_path: Path) -> None:
    # As CVAT and Ultralytics join the pieces of one thing.
    hole = [[13, 23], [13, 27], [17, 27], [17, 23], [13, 23]]
    mask, _ = _import(tmp_path, "a.xml", _cvat_polygon([*SQUARE, SQUARE[0], *hole]))
    expected = _square()
    expected[23:27, 13:17] = False
    np.testing.assert_array_equal(mask, expected)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.just(10**400),
    st.floats(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return [path] * bool(path) + [place for key, inner in items for place in _places(inner, (*path, key))]


JSON_FILES = {
    "coco": _coco([np.ravel(SQUARE).tolist()]),
    "labelme": _labelme(SQUARE),
    "via": _via({"name": "ellipse", "cx": 25, "cy": 20, "rx": 9, "ry": 5, "theta": 1}),
    "polygons": _via_polygon(SQUARE),
    "label studio": _label_studio(
        _label_studio_polygon(SQUARE), {"type": "brushlabels", "value": {"rle": BRUSH, "brushlabels": ["pelvis"]}}
    ),
}


def _read_all(file: Path) -> None:
    """Read whatever a file holds; only what is told to the user may come out."""
    with suppress(InputError):
        content = parse(file)
        name = find_format(file, content)
        for mask in ANNOTATION_FORMATS[name].read(file, content, True) if name else []:
            with suppress(InputError):
                assert mask.read(SHAPE).shape == SHAPE


@given(st.data())
@settings(derandomize=True, max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_json_with_any_value_in_any_place_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = copy.deepcopy(JSON_FILES[data.draw(st.sampled_from(sorted(JSON_FILES)))])
    content = json.loads(json.dumps(content))
    *path, last = data.draw(st.sampled_from(_places(content)))
    place = content
    for key in path:
        place = place[key]
    place[last] = data.draw(VALUES)
    file = tmp_path_factory.getbasetemp() / "fuzz.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    _read_all(file)


@given(st.data())
@settings(derandomize=True, max_examples=150, deadline=None)
def test_damaged_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text, suffix = data.draw(
        st.sampled_from(
            [
                (_cvat_polygon(SQUARE), ".xml"),
                (_cvat(f'<mask {TAG} rle="1, 3, 2" left="10" top="20" width="3" height="2"/>'), ".xml"),
                (_cvat(f'<ellipse {TAG} cx="25" cy="20" rx="9" ry="5" rotation="9"/>'), ".xml"),
                (_yolo(SQUARE), ".txt"),
                (json.dumps(JSON_FILES["coco"]), ".json"),
            ]
        )
    )
    at = data.draw(st.integers(0, len(text)))
    inserted = data.draw(st.text(alphabet='0-9e.,;"<>&/ \ud800nainf\n[', max_size=6))
    file = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    changed = text[:at] + inserted + text[at + data.draw(st.integers(0, 4)) :]
    file.write_bytes(changed.encode("utf-8", "surrogatepass"))
    _read_all(file)
