"""The explanations of a package that were asked for before."""

from __future__ import annotations

from pathlib import Path

from workbench import storage
from workbench.errors import StorageError
from workbench.explain.jobs import REQUEST, ExplanationJob
from workbench.settings import Settings, current


def stored_explanations(package_folder: Path | str, *, settings: Settings | None = None) -> list[ExplanationJob]:
    """List the explanations of a package, finished or under way, the one asked for last first.

    Parameters
    ----------
    package_folder : Path
    """
    folder = (settings or current()).explanations
    wanted = str(Path(package_folder).resolve())
    found = []
    for request in folder.glob(f"*/{REQUEST}"):
        try:
            document = storage.read_json(request) or {}
            if document.get("package_folder") == wanted:
                found.append((request.stat().st_mtime, ExplanationJob(request.parent)))
        except (StorageError, FileNotFoundError):  # being prepared again at this moment
            continue
    return [job for _, job in sorted(found, key=lambda entry: -entry[0])]
