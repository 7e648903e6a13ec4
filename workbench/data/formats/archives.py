"""Gzip and zip as streams: nothing is written under a name from an archive, and no size in a header is believed."""

from __future__ import annotations

import gzip
import io
import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workbench.data.formats.opened import Scratch, shown
from workbench.errors import ReadError
from workbench.settings import Settings
from workbench.storage import disk_errors

_MIB = 1024 * 1024
_HARMLESS_BYTES = 16 * _MIB  # up to here no ratio is too high: a table of zeros isn't a bomb
_MAX_DIRECTORY_BYTES = 64 * _MIB  # some 600,000 names
ARCHIVE_ENDINGS = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar")
_HIDDEN = ("__MACOSX", "Thumbs.db", "desktop.ini")


class Unpacking(io.RawIOBase):
    """A stream out of a compressed file that stops at the limits and speaks of damage in words.

    Parameters
    ----------
    source : binary file
        Gives the unpacked bytes.
    name : str
        For messages.
    n_packed : int
        Size of what is unpacked, on the disk.
    settings : Settings
    n_before : int, default 0
        Bytes that other members of the archive have unpacked to.
    kind : str
        What is damaged if it is.
    """

    def __init__(
        self,
        source: Any,
        *,
        name: str,
        n_packed: int,
        settings: Settings,
        n_before: int = 0,
        kind: str = "ZIP archive",
    ) -> None:
        self._source = source
        self.name = name
        self.n_bytes = 0
        self._n_packed = max(n_packed, 1)
        self._n_before = n_before
        self._kind = kind
        self._settings = settings

    def readable(self) -> bool:
        """Say that it is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something."""
        with unpack_errors(self.name, self._kind):
            piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        self.n_bytes += len(piece)
        self._check()
        return len(piece)

    def _check(self) -> None:
        limit, ratio = self._settings.max_unpacked_mib, self._settings.max_archive_ratio
        if self._n_before + self.n_bytes > limit * _MIB:
            raise ReadError(
                f"Got {self.name}, which unpacks to more than {limit:,} MiB, needed at most that. "
                "Give a part of it, or raise WORKBENCH_MAX_UNPACKED_MIB."
            )
        if self.n_bytes > _HARMLESS_BYTES and self.n_bytes > ratio * self._n_packed:
            raise ReadError(
                f"Got {self.name}, which unpacks to more than {ratio:,} times its size, as a bomb does; needed less. "
                "If it is a table, unpack it yourself or raise WORKBENCH_MAX_ARCHIVE_RATIO."
            )

    def close(self) -> None:
        """Close it and what it reads."""
        if not self.closed:
            self._source.close()
        super().close()


@contextmanager
def unpack_errors(name: str, kind: str = "ZIP archive") -> Iterator[None]:
    """Turn the words of zlib and its kin into a `ReadError`."""
    try:
        yield
    except ReadError:
        raise
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, struct.error, ValueError) as error:
        raise ReadError(
            f"Got {name}, a damaged {kind} ({error or type(error).__name__}). Needed a complete one; "
            "download or pack it again."
        ) from error
    except NotImplementedError as error:
        raise ReadError(
            f"Got {name}, packed in a way that can't be unpacked here ({error}). Needed deflate, bzip2 or LZMA; "
            "pack it again."
        ) from error


def open_gzip(path: Path, settings: Settings) -> io.BufferedReader:
    """Open a gzip file as a stream of what is in it."""
    source = gzip.open(path, "rb")
    name = path.name
    return io.BufferedReader(
        Unpacking(source, name=name, n_packed=path.stat().st_size, settings=settings, kind="gzip file"),
        buffer_size=_MIB,
    )


@dataclass
class ZipArchive:
    """A zip file that was looked through: which members may be read, and which were left out.

    Parameters
    ----------
    path : Path
    members : list of str
        Names of files that are neither hidden, nor links, nor encrypted, nor named to lead out of the archive.
    notes : list of str
        What was left out.
    """

    path: Path
    settings: Settings
    members: list[str]
    notes: list[str]
    _infos: dict[str, zipfile.ZipInfo] = field(default_factory=dict)
    _file: zipfile.ZipFile | None = None
    n_unpacked: int = 0

    @classmethod
    def look(cls, path: Path, settings: Settings, *, everything: bool = False) -> ZipArchive:
        """Read the list of members.

        Parameters
        ----------
        path : Path
        settings : Settings
        everything : bool, default False
            List hidden files and odd names, too: for a program that will open the archive itself.

        Raises
        ------
        ReadError
            If it is damaged, has a list of monstrous size, or all files in it are encrypted.
        """
        _check_directory(path)
        with unpack_errors(path.name):
            file = zipfile.ZipFile(path)
        infos = [info for info in file.infolist() if not info.is_dir()]
        archive = cls(path, settings, [], [], _file=file)
        left_out: dict[str, list[str]] = {}
        for info in infos:
            reason = None if everything and not info.flag_bits & 0x1 else _refused(info)
            if info.filename in archive._infos:
                reason = "another file has the same name"
                if everything:
                    raise ReadError(f"Got {path.name} with two files called {info.filename!r}. Save it again.")
            if reason is None:
                archive.members.append(info.filename)
                archive._infos[info.filename] = info
            elif reason:
                left_out.setdefault(reason, []).append(info.filename)
        archive.notes = [
            f"{shown([repr(name) for name in names], 3)} {'was' if len(names) == 1 else 'were'} left out: {reason}."
            for reason, names in left_out.items()
        ]
        if not archive.members:
            file.close()
            raise ReadError(
                f"Got {path.name} without a file that can be read, needed a table or images in it. "
                f"{' '.join(archive.notes) or 'It is empty.'} Pack it again."
            )
        return archive

    def open(self, member: str) -> io.BufferedReader:
        """Open one member as a stream; it is closed by whoever opened it."""
        assert self._file is not None  # noqa: S101
        info = self._infos[member]
        with unpack_errors(f"{self.path.name}/{member}"):
            source = self._file.open(info)
        n_packed = min(info.compress_size, self.path.stat().st_size)
        name = f"{self.path.name}/{member}"
        stream = Unpacking(source, name=name, n_packed=n_packed, settings=self.settings, n_before=self.n_unpacked)
        return io.BufferedReader(stream, buffer_size=_MIB)

    def read(self, member: str) -> bytes:
        """Read one member whole, counted against what the archive may unpack to."""
        with self.open(member) as stream:
            content = stream.read()
        self.n_unpacked += len(content)
        return content

    def size(self, member: str) -> int:
        """Size that the archive claims for a member; a hint and no more."""
        return self._infos[member].file_size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _check_directory(path: Path) -> None:
    """Refuse a list of members too long to be held, before zipfile reads it whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 70_000))
        tail = file.read()
    place, place64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    n_bytes = struct.unpack("<I", tail[place + 12 : place + 16])[0] if 0 <= place <= len(tail) - 22 else 0
    if n_bytes == 0xFFFFFFFF and 0 <= place64 <= len(tail) - 56:
        n_bytes = struct.unpack("<Q", tail[place64 + 40 : place64 + 48])[0]
    if n_bytes > _MAX_DIRECTORY_BYTES:
        raise ReadError(
            f"Got {path.name} with a list of members of {n_bytes / _MIB:,.0f} MiB, needed at most "
            f"{_MAX_DIRECTORY_BYTES // _MIB} MiB. Pack fewer files in one archive."
        )


def _refused(info: zipfile.ZipInfo) -> str | None:
    """Say why a member is left out; an empty text for what nobody misses."""
    name = info.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or (len(name) > 1 and name[1] == ":") or "\0" in info.filename:
        return "its path leads outside the archive"
    if any(part.startswith(".") or part in _HIDDEN for part in parts):
        return ""
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a link or device, not a file"
    if info.flag_bits & 0x1:
        return "it is encrypted; pack it without a password"
    return None


def is_archive(start: bytes, name: str) -> bool:
    """Whether a member is itself an archive (an .xlsx and the like is a zip, too, and a table all the same)."""
    if name.lower().endswith((".xlsx", ".ods", ".npz")):
        return False
    magic = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"Rar!")
    return start.startswith(magic) or start[257:262] == b"ustar"


def unpack(stream: IO[bytes], name: str, scratch: Scratch) -> Path:
    """Write an unpacked stream to the disk, for formats that must be read here and there."""
    path = scratch.folder / f"unpacked{PurePosixPath(name).suffix[:12]}"
    with disk_errors(path), path.open("wb") as target:
        shutil.copyfileobj(stream, target, _MIB)
    return path
