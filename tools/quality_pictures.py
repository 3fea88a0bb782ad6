"""Pictures that show no bones of a frontal radiograph: blank, noise, text, photographs, CT, MR, and other radiographs.

Used by `calibrate_quality.py`. They are read from installed packages (scikit-image, matplotlib, nibabel, pydicom,
pydicom-data), or made; none of them is copied into the repository.
"""

import re
import warnings
import zlib
from collections.abc import Callable, Iterator
from importlib.metadata import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pbrs.radiograph import read_radiograph

Floats = NDArray[np.float32]
Source = tuple[str, Floats]
"""A name, and float32 (H, W) in [0, 1]."""

_LONGEST = 640


def variations(source: Source, count: int) -> Iterator[Floats]:
    """Give a picture as it is, then flipped, turned, cropped, with other contrast, or as its negative."""
    name, pixels = source
    yield pixels
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(count - 1):
        made = np.rot90(pixels, int(rng.integers(4)) if rng.random() < 0.4 else 0)
        made = made[:, ::-1] if rng.random() < 0.5 else made
        high, wide = (max(int(side * rng.uniform(0.55, 1)), 16) for side in made.shape)
        top, left = (
            int(rng.integers(0, max(side - kept, 0) + 1)) for side, kept in zip(made.shape, (high, wide), strict=True)
        )
        made = made[top : top + high, left : left + wide]
        made = 1 - made if rng.random() < 0.25 else made
        yield np.clip(made, 0, 1).astype(np.float32) ** np.float32(np.exp(rng.uniform(-0.7, 0.7)))


def sources() -> Iterator[Source]:
    """Give all sources of tier (a)."""
    for kind, make in _MADE.items():
        for number in range(3):
            rng = np.random.default_rng([zlib.crc32(kind.encode()), number])
            shape = (int(rng.integers(300, 560)), int(rng.integers(300, 560)))
            yield f"{kind}-{number}", np.clip(make(shape, rng), 0, 1).astype(np.float32)
    yield from _photographs()
    yield from _scans()


def radiographs() -> Iterator[Source]:
    """Give real radiographs of other anatomy, as `pbrs` reads them: pydicom-data's chest and extremity."""
    for name in ("RG1_UNCR.dcm", "RG3_UNCR.dcm"):
        yield name, read_radiograph(_pydicom_data(name)).pixels[::2, ::2]


def group(name: str) -> str:
    """Name what a source shares with others of the same scene or patient."""
    return re.split(r"_left|_right|_GRAY|_RGB|\.nii", name)[0]


def _blank(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return np.full(shape, rng.choice([0.0, 1.0, rng.random()]), np.float32)


def _gradient(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    slope = rng.normal(size=2)
    return np.asarray(0.5 + 0.5 * (slope[0] * x + slope[1] * y) / np.abs(slope).sum())


def _spot(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    dx, dy = rng.uniform(-0.3, 0.3, 2)
    return np.asarray(np.exp(-((x - dx) ** 2 + (y - dy) ** 2) / rng.uniform(0.1, 1)))


def _white_noise(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return np.asarray(rng.uniform(0.2, 0.8) + rng.uniform(0.05, 0.4) * rng.normal(size=shape))


def _clouds(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Noise whose power falls with frequency, as in nature."""
    y, x = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    amplitude = 1 / np.maximum(np.hypot(x, y), 1 / max(shape)) ** rng.uniform(0.8, 2)
    made = np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) * amplitude).real
    return np.asarray(0.5 + 0.2 * made / made.std())


def _page(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """A page of words, dark on white or white on dark."""
    picture = Image.new("L", (shape[1], shape[0]), 255)
    draw = ImageDraw.Draw(picture)
    size = int(rng.integers(12, 40))
    font = ImageFont.load_default(size)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
    for top in range(10, shape[0] - size, int(size * 1.4)):
        words = ["".join(rng.choice(letters, int(rng.integers(2, 10)))) for _ in range(1 + shape[1] // (3 * size))]
        draw.text((10, top), " ".join(words), fill=0, font=font)
    made = np.asarray(picture, np.float32) / 255
    return 1 - made if rng.random() < 0.5 else made


def _shapes(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Discs and boxes, as in a drawing."""
    picture = Image.new("L", (shape[1], shape[0]), int(rng.integers(256)))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(3, 12))):
        x, y = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        half = rng.uniform(10, 140, 2)
        paint = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        paint((x - half[0], y - half[1], x + half[0], y + half[1]), fill=int(rng.integers(256)))
    return np.asarray(ndimage.gaussian_filter(np.asarray(picture, np.float32) / 255, rng.uniform(0, 3)))


_MADE: dict[str, Callable[[tuple[int, int], np.random.Generator], Floats]] = {
    "blank": _blank,
    "gradient": _gradient,
    "spot": _spot,
    "white-noise": _white_noise,
    "clouds": _clouds,
    "page": _page,
    "shapes": _shapes,
}


def _photographs() -> Iterator[Source]:
    """What scikit-image and matplotlib bring along; nothing is fetched."""
    found = {path.name: path for path in _installed("scikit-image", "skimage/data/", (".png", ".jpg"))}
    found |= {path.name: path for path in _installed("matplotlib", "sample_data/", (".png", ".jpg"))}
    for name, path in sorted(found.items()):
        with Image.open(path) as picture:
            if min(picture.size) < 64:
                continue
            grey = picture.convert("L")
            grey.thumbnail((_LONGEST, _LONGEST))
            yield name, np.asarray(grey, np.float32) / 255
    for path in _installed("scikit-image", "skimage/data/", ("lfw_subset.npy",)):
        faces = np.load(path)
        sheet = np.concatenate([np.concatenate(list(faces[row * 6 : row * 6 + 6]), 1) for row in range(5)])
        yield "faces", _scaled(sheet)


_SCANS = (
    "693_UNCR.dcm", "CT_small.dcm", "eCT_Supplemental.dcm", "explicit_VR-UN.dcm", "bad_sequence.dcm",
    "J2K_pixelrep_mismatch.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm", "MR2_UNCR.dcm", "MR_small.dcm", "emri_small.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm", "US1_UNCR.dcm", "JPEG2000_UNC.dcm", "mlut_18.dcm",
)  # fmt: skip


def _scans() -> Iterator[Source]:
    """Slices of CT and MR, sonograms and a scintigram of pydicom's test files; nibabel's MR volumes."""
    for name in _SCANS:
        yield name, _dicom(_pydicom_data(name))
    import nibabel

    for path in _installed("nibabel", "tests/data/", ("anatomical.nii", "functional.nii")):
        volume = np.asarray(nibabel.load(path).dataobj, np.float32)  # type: ignore[attr-defined]
        volume = volume[..., 0] if volume.ndim == 4 else volume
        for axis in range(3):
            middle = np.rot90(np.take(volume, volume.shape[axis] // 2, axis))
            yield f"{path.name}-{axis}", _scaled(np.kron(middle, np.ones((6, 6), np.float32)))


def _installed(package: str, folder: str, endings: tuple[str, ...]) -> Iterator[Path]:
    for file in files(package) or ():
        if folder in str(file) and str(file).endswith(endings):
            yield Path(str(file.locate()))


def _pydicom_data(name: str) -> Path:
    import pydicom

    beside = Path(pydicom.__file__).parent / "data" / "test_files" / name
    if beside.exists():
        return beside
    return next(_installed("pydicom-data", "data_store/", (f"/{name}",)))


def _dicom(path: Path) -> Floats:
    """Read any DICOM image as grey in [0, 1], bone bright: also those that `pbrs` itself refuses."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that are damaged on purpose
        dataset = pydicom.dcmread(path)
        array = np.asarray(dataset.pixel_array, np.float32)
    if int(dataset.get("SamplesPerPixel", 1)) == 3:
        array = array.mean(-1)
    if array.ndim == 3:
        array = array[len(array) // 2]
    step = -(-max(array.shape) // 1100)
    made = _scaled(array[::step, ::step])
    return 1 - made if dataset.PhotometricInterpretation == "MONOCHROME1" else made


def _scaled(values: NDArray[np.floating]) -> Floats:
    low, high = np.quantile(values, (0.002, 0.998))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0, 1), np.float32)


if __name__ == "__main__":
    for name, pixels in [*sources(), *radiographs()]:
        print(name, pixels.shape, f"{pixels.min():.2f} to {pixels.max():.2f}")
