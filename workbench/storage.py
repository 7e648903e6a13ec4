"""Files that survive a kill at any byte: atomic replace for what changes, append-only lines for what grows."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any, cast

import orjson

from workbench.errors import StorageError


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write a value as strict JSON; NaN and infinity become null, since no other reader accepts them."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _finite(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file in one step: a reader sees the old content or the new, never a part.

    Raises
    ------
    StorageError
        If the disk is full or refuses; the old content is then still there.
    """
    data = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")  # `secrets` costs 3 MB
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_atomic(path, to_json(value, indent=2) + "\n")


def read_json(path: Path, default: Any = None) -> Any:
    """Read a JSON file; give `default` where it doesn't exist.

    Raises
    ------
    StorageError
        If the file can't be read or isn't JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, ValueError, RecursionError) as error:  # brackets may be nested beyond all sense
        raise StorageError(
            f"Got {path} with unreadable content ({error}), needed JSON. Restore or delete the file."
        ) from error


class JsonLines:
    """A JSON-lines file that stays open to be appended to.

    Each line is a single write that nothing holds back: readers see it at once and never two lines mixed, and a kill of
    the writer loses none. A previous line that a killed writer left unfinished is closed first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def append(self, value: Any) -> None:
        """Append one line.

        Raises
        ------
        StorageError
            If the disk is full or refuses.
        """
        line = (to_json(value) + "\n").encode()
        with disk_errors(self._path):
            try:
                if self._file is None:
                    line = self._open() + line
                if cast(FileIO, self._file).write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                self.close()  # how the file ends is looked at anew before the next line
                raise

    def _open(self) -> bytes:
        """Open the file; give what its last line lacks."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = FileIO(self._path, "ab+")
        size = self._file.seek(0, os.SEEK_END)
        if not size:
            return b""
        self._file.seek(size - 1)
        return b"" if self._file.read(1) == b"\n" else b"\n"

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        """Close the file with its last user."""
        self.close()


def append_json_line(path: Path, value: Any) -> None:
    """Append one line to a JSON-lines file that seldom grows; see `JsonLines`."""
    lines = JsonLines(path)
    try:
        lines.append(value)
    finally:
        lines.close()


def read_json_lines(path: Path, position: int = 0, *, n_bytes: int | None = None) -> tuple[list[Any], int]:
    """Read the complete lines of a JSON-lines file from a byte position on.

    Parameters
    ----------
    path : Path
    position : int
    n_bytes : int, optional
        About so many of them; more where a line is longer. All when absent.

    Returns
    -------
    lines : list
        Unparsable lines (cut by a kill) are left out.
    position : int
        Where the next call goes on; an unfinished last line is read by that call.
    """
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(n_bytes)
            if n_bytes is not None and len(data) == n_bytes:
                data += file.readline()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise StorageError(f"{path} can't be read ({error.strerror or error}). Correct its permissions.") from error
    complete = data[: data.rfind(b"\n") + 1]
    return list(_parse_lines(complete)), position + len(complete)


def _parse_lines(data: bytes) -> Iterator[Any]:
    for line in data.splitlines():
        with suppress(ValueError, RecursionError):
            yield _parsed(line)


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:  # it is stricter: numbers beyond 64 bits, NaN
        return json.loads(line)


def entries(folder: Path) -> list[Path]:
    """List what is in a folder; nothing where there is none.

    Raises
    ------
    StorageError
        If it is a file, or may not be read.
    """
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(
            f"Got {folder}, which can't be listed ({error.strerror or error}), needed a folder that can be read. "
            "Correct its permissions, or set WORKBENCH_HOME or WORKBENCH_MODELS to another."
        ) from error


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's error into a `StorageError` that says what to do."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = (
                f"Got no space left on the disk of {path.parent}, needed room to store {path.name}. "
                "Free some space and try again."
            )
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = (
                f"Got no permission to write {path}, needed it to store anything. "
                "Make the folder writable, or set WORKBENCH_HOME or WORKBENCH_MODELS to one that is."
            )
        elif error.errno in (errno.ENOENT, errno.ENOTDIR):
            message = (
                f"Writing {path} failed: its folder can't be made ({error.strerror}). Needed a folder to store it in. "
                "Correct the path, or set WORKBENCH_HOME or WORKBENCH_MODELS to a folder that can exist."
            )
        else:
            message = f"Writing {path} failed: {error.strerror or error}. Check the disk and try again."
        raise StorageError(message) from error
