"""The manifest: a checksum of every file, signed where a key is configured; and which version a package is.

A signature of the manifest tells that the files are those that were built. That they are the version of the model that
they stand for, another one tells: ``publication.json``, made when a package is published.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

from workbench.errors import IntegrityError, StorageError
from workbench.settings import Settings, current
from workbench.storage import read_json, to_json, write_json

FILE = "manifest.json"
FORMAT = 1
ALGORITHM = "HMAC-SHA256"
PUBLICATION = "publication.json"
PUBLICATION_FORMAT = 1


def write_manifest(folder: Path, settings: Settings | None = None) -> None:
    """List every file of a package with its checksum, and sign the list where `settings.signing_key` is set."""
    key = (settings or current()).signing_key
    files = {
        name: {"sha256": _sha256(folder / name), "bytes": (folder / name).stat().st_size} for name in _files(folder)
    }
    signature = {"algorithm": ALGORITHM, "value": _sign(files, key)} if key else None
    write_json(folder / FILE, {"format": FORMAT, "files": files, "signature": signature})


def write_publication(folder: Path, name: str, number: int, settings: Settings) -> None:
    """Note in a signed package which version of which model it is; without a key there is nothing to sign."""
    place = folder / PUBLICATION
    place.unlink(missing_ok=True)
    if settings.signing_key:
        value = _seal(folder, name, number, settings.signing_key)
        signature = {"algorithm": ALGORITHM, "value": value}
        write_json(place, {"format": PUBLICATION_FORMAT, "model": name, "version": number, "signature": signature})


def verify_manifest(folder: Path, settings: Settings | None = None, *, as_version: bool = True) -> None:
    """Check every file of a package against its manifest.

    Parameters
    ----------
    folder : Path
    settings : Settings, optional
    as_version : bool, default True
        Where a key is configured and the folder lies in the model repository, check that it is signed as that version
        of that model, too.

    Raises
    ------
    IntegrityError
        If the manifest is absent, a file is missing, changed, or was added, or where a key is configured a signature
        doesn't fit it, the name or the number.
    """
    folder = Path(folder)
    settings = settings or current()
    files, signature = _read(folder)
    key = settings.signing_key
    if key:
        _verify_signature(folder, files, signature, key)
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise IntegrityError(
                f"Got {folder} without {name}, needed every file of its manifest. Restore the package."
            )
        if path.stat().st_size != expected.get("bytes") or _sha256(path) != expected.get("sha256"):
            raise IntegrityError(
                f"Got {folder / name} with another content than its manifest says, needed the file as it was built. "
                "Restore the package or build it again; don't use it."
            )
    # Not only what is known to be loaded: a graph's weights may lie in a file of any name.
    added = [name for name in _files(folder) if name not in files and not name.startswith(".")]
    if added:
        raise IntegrityError(
            f"Got {folder / added[0]}, which the manifest doesn't list, needed the package as it was built. "
            "Remove the file."
        )
    if key and as_version and (place := _place_in_repository(folder, settings)):
        _verify_publication(folder, *place, key)


def _read(folder: Path) -> tuple[dict[str, dict[str, Any]], Any]:
    document = read_json(folder / FILE)
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or document.get("format") != FORMAT:
        raise IntegrityError(
            f"Got {folder} without a {FILE} of format {FORMAT}, needed the checksums of its files. "
            "Build the package again."
        )
    for name, entry in files.items():
        # A manifest comes with the package: its names must not lead out of the folder.
        if not isinstance(entry, dict) or Path(name).is_absolute() or ".." in Path(name).parts:
            raise IntegrityError(
                f"Got {name!r} in {folder / FILE}, needed a file of the package. Don't use this package."
            )
    return files, document.get("signature")


def _verify_signature(folder: Path, files: dict[str, dict[str, Any]], signature: Any, key: str) -> None:
    value = signature.get("value") if isinstance(signature, dict) else None
    if not isinstance(value, str):
        raise IntegrityError(
            f"Got {folder} without a signature, needed one made with WORKBENCH_SIGNING_KEY. "
            "Publish the model again with the key set, or unset the key to accept unsigned packages."
        )
    if not hmac.compare_digest(value, _sign(files, key)):
        raise IntegrityError(
            f"Got {folder} with a signature that doesn't fit WORKBENCH_SIGNING_KEY. "
            "It was signed with another key, or its manifest was changed; publish the model again."
        )


def _place_in_repository(folder: Path, settings: Settings) -> tuple[str, int] | None:
    """Give the model and the number that a folder stands for; None for a package that isn't published."""
    folder = folder.resolve()
    if folder.parent.parent != settings.models.resolve() or not (folder.name.isascii() and folder.name.isdigit()):
        return None
    return folder.parent.name, int(folder.name)


def _verify_publication(folder: Path, name: str, number: int, key: str) -> None:
    document = read_json(folder / PUBLICATION)
    signature = document.get("signature") if isinstance(document, dict) else None
    value = signature.get("value") if isinstance(signature, dict) else None
    if not isinstance(value, str) or not hmac.compare_digest(value, _seal(folder, name, number, key)):
        raise IntegrityError(
            f"Got {folder}, which isn't signed as version {number} of {name}: it was copied or renamed, or published "
            "before signatures held the version. Publish the model again."
        )


def _seal(folder: Path, name: str, number: int, key: str) -> str:
    text = to_json(["publication", PUBLICATION_FORMAT, name, number, _sha256(folder / FILE)])
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _sign(files: dict[str, dict[str, Any]], key: str) -> str:
    text = to_json([[name, files[name].get("sha256")] for name in sorted(files)])
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(
            f"{path} can't be read ({error.strerror or error}). Correct its permissions, or restore the package."
        ) from error


def _files(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name not in (FILE, PUBLICATION))
