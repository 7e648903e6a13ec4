"""What the first bytes of an image say: format and size, without unpacking anything."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

MAX_IMAGE_PIXELS = 50_000_000  # a photograph has 12 to 24 million; more is a poster, a satellite's view or a bomb
MAX_IMAGE_BYTES = 64 * 1024 * 1024
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".pgm", ".ppm", ".pnm")
STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"RIFF", b"P5", b"P6")

_PNM = re.compile(rb"P([56])(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,5})\s")


@dataclass(frozen=True)
class ImageHead:
    """What an image's first bytes say.

    Parameters
    ----------
    format : str
        As Pillow names it.
    height, width : int
        In pixels.
    complete : bool
        Whether the file ends as a whole one does.
    """

    format: str
    height: int
    width: int
    complete: bool

    @property
    def n_pixels(self) -> int:
        """Height times width."""
        return self.height * self.width


def read_head(data: bytes) -> ImageHead | None:
    r"""Read format and size; None where it is no image that we read.

    Examples
    --------
    >>> read_head(b"P5 2 1 255\n" + bytes(2))
    ImageHead(format='PPM', height=1, width=2, complete=True)
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", data[16:24])
            return ImageHead("PNG", height, width, b"IEND" in data[-64:])
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack("<HH", data[6:10])
            return ImageHead("GIF", height, width, b"\x3b" in data[-16:])
        if data.startswith(b"BM"):
            size, width, height = struct.unpack("<I12xii", data[2:26])
            return ImageHead("BMP", abs(height), abs(width), len(data) >= size)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except struct.error:
        return None
    return _pnm(data)


def _jpeg(data: bytes) -> ImageHead | None:
    place = 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return ImageHead("JPEG", height, width, b"\xff\xd9" in data[-1024:])
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            place += 2
        else:
            place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    return None


def _webp(data: bytes) -> ImageHead | None:
    complete = len(data) >= struct.unpack("<I", data[4:8])[0] + 8
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[place : place + 3], "little") + 1 for place in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack("<I", data[21:25])[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", data[26:30]))
    else:
        return None
    return ImageHead("WEBP", height, width, complete)


def _pnm(data: bytes) -> ImageHead | None:
    match = _PNM.match(data)
    if match is None:
        return None
    width, height, top = (int(field) for field in match.groups()[1:])
    n_bytes = width * height * (3 if match[1] == b"6" else 1) * (2 if top > 255 else 1)
    return ImageHead("PPM", height, width, len(data) >= match.end() + n_bytes)


def pixels_start(data: bytes) -> int | None:
    """Give where the pixels of a PNM image of bytes begin; None where it is none."""
    match = _PNM.match(data)
    return match.end() if match is not None and match[4] == b"255" else None
