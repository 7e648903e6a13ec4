"""The manifest: a checksum of every file, signed where a key is configured."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

from workbench.errors import IntegrityError
from workbench.settings import Settings, current
from workbench.storage import read_json, to_json, write_json

FILE = "manifest.json"
FORMAT = 1
ALGORITHM = "HMAC-SHA256"
GUARDED = "native"  # whatever lies in this folder may be built into objects, so nothing may be added to it


def write_manifest(folder: Path, settings: Settings | None = None) -> None:
    """List every file of a package with its checksum, and sign the list where `settings.signing_key` is set."""
    key = (settings or current()).signing_key
    files = {
        name: {"sha256": _sha256(folder / name), "bytes": (folder / name).stat().st_size} for name in _files(folder)
    }
    signature = {"algorithm": ALGORITHM, "value": _sign(files, key)} if key else None
    write_json(folder / FILE, {"format": FORMAT, "files": files, "signature": signature})


def verify_manifest(folder: Path, settings: Settings | None = None) -> None:
    """Check every file of a package against its manifest.

    Raises
    ------
    IntegrityError
        If the manifest is absent, a file is missing, changed, or was added to ``native/``, or the signature doesn't fit
        the configured key.
    """
    folder = Path(folder)
    files, signature = _read(folder)
    key = (settings or current()).signing_key
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
    added = [name for name in _files(folder) if name.startswith(f"{GUARDED}/") and name not in files]
    if added:
        raise IntegrityError(
            f"Got {folder / added[0]}, which the manifest doesn't list, needed {GUARDED}/ as it was built. "
            "Remove the file."
        )


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


def _sign(files: dict[str, dict[str, Any]], key: str) -> str:
    text = to_json([[name, files[name].get("sha256")] for name in sorted(files)])
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in found if path != folder / FILE)
