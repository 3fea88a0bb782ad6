"""What a TIFF says of itself: the tags of its one image, read before anything is decoded."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import TiffImagePlugin

from pbrs.errors import InputError
from pbrs.radiograph.limits import check_pixels

MOST_SAMPLES = 16
_MOST_PAGES = 1000

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 274, 277, 284, 338, 339
_X_RESOLUTION, _Y_RESOLUTION = 282, 283


@dataclass(frozen=True)
class TiffImage:
    """The tags of one image in a TIFF (TIFF 6.0, section 8), with their defaults.

    Attributes
    ----------
    ifd
        Its tags as Pillow reads them, by number.
    is_first
        Whether it is the file's first page, the one that Pillow opens.
    shape, samples, bits
        Height and width, samples a pixel, bits a sample.
    kind
        ``"u"``, ``"i"``, ``"f"`` or ``"c"`` for unsigned, signed, floating point and complex samples.
    planar
        Whether each sample has a plane of its own.
    compression, photometric
        As the tags say.
    extra
        What the samples beyond the colours are: 1 and 2 are alpha, 0 is not said.
    orientation
        1 to 8.
    densities
        Pixels per unit along rows and columns, or None.
    """

    ifd: dict[int, Any]
    is_first: bool
    shape: tuple[int, int]
    samples: int
    bits: int
    kind: str
    planar: bool
    compression: int
    photometric: int
    extra: tuple[int, ...]
    orientation: int
    densities: tuple[float, float] | None

    @classmethod
    def of(cls, data: bytes, source: str) -> "TiffImage":
        """Find the one image of a TIFF; previews (NewSubfileType 1) and masks (4) beside it are passed over.

        Raises
        ------
        InputError
            If it has several images, or is of a layout that is not read. Other exceptions if it is damaged.
        """
        if data.startswith(b"MM\0+"):
            raise InputError(f"{source}: a big-endian BigTIFF, which is not read: export it as plain TIFF")
        pages = list(_directories(data))
        images = [(number, page) for number, page in enumerate(pages) if not int(page.get(_SUBFILE, 0)) & 0b101]
        if len(images) > 1:
            raise InputError(f"{source}: a TIFF of several pages: expected one image; export the page you want")
        number, ifd = images[0] if images else (0, pages[0])
        height, width = int(ifd[_HEIGHT]), int(ifd[_WIDTH])
        check_pixels(source, height, width)
        samples = int(ifd.get(_SAMPLES, 1))
        bits = _only(ifd.get(_BITS, (1,)), source, "bits a sample")
        sample_format = _only(ifd.get(_FORMAT, (1,)), source, "formats")
        if not 1 <= samples <= MOST_SAMPLES:
            raise InputError(f"{source}: {samples} samples a pixel: expected 1 to {MOST_SAMPLES}; export it in grey")
        resolutions = [float(ifd.get(tag, 0)) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
        orientation = int(ifd.get(_ORIENTATION, 1))
        return cls(
            ifd=ifd,
            is_first=number == 0,
            shape=(height, width),
            samples=samples,
            bits=bits,
            kind={1: "u", 2: "i", 3: "f", 5: "c", 6: "c"}.get(sample_format, "u"),
            planar=int(ifd.get(_PLANAR, 1)) == 2 and samples > 1,
            compression=int(ifd.get(_COMPRESSION, 1)),
            photometric=int(ifd.get(_PHOTOMETRIC, 1)),
            extra=tuple(int(one) for one in ifd.get(_EXTRA, ())),
            orientation=orientation if 1 <= orientation <= 8 else 1,
            densities=(resolutions[0], resolutions[1]) if min(resolutions) > 0 else None,
        )


def _directories(data: bytes) -> Iterator[dict[int, Any]]:
    """Read the chain of directories; one that turns in circles ends."""
    header = data[:16] if data[2:4] == b"+\0" else data[:8]
    seen: set[int] = set()
    file = io.BytesIO(data)
    at = TiffImagePlugin.ImageFileDirectory_v2(header).next
    while at and at not in seen and len(seen) < _MOST_PAGES:
        seen.add(at)
        directory = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(at)
        directory.load(file)
        yield dict(directory)
        at = directory.next


def _only(values: Any, source: str, what: str) -> int:
    distinct = {int(value) for value in (values if isinstance(values, tuple) else (values,))}
    if len(distinct) != 1:
        raise InputError(f"{source}: a TIFF of samples of different {what}: export it in grey of 8 or 16 bits")
    return distinct.pop()
