"""Publish a run's package as the next version of a model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import RegistryError
from workbench.package.manifest import PUBLICATION, write_publication
from workbench.registry.audit_lines import read_audit
from workbench.registry.auditing import locked, record
from workbench.registry.names import CHAMPION, check_name
from workbench.registry.repository import Version, numbers, read_aliases, resolve
from workbench.settings import Settings, current
from workbench.storage import disk_errors, write_json

if TYPE_CHECKING:
    from workbench.training.run import Run

_STAGING = ".publish-"


def publish(
    source: Path | str | Run,
    name: str,
    *,
    note: str = "",
    by: str | None = None,
    settings: Settings | None = None,
) -> Version:
    """Copy a package into the model repository as the next version.

    The version appears in one step, when all of it is copied and its checksums are right; a kill at any moment leaves
    either no new version or a whole one. Where the model has no champion yet, the version becomes it.

    Parameters
    ----------
    source : Path, str or Run
        The package's folder, or a run that has one.
    name : str
        1 to 64 of a-z, 0-9, - and _.
    note : str
        A line for the audit.
    by : str, optional
        Who publishes; the user of this process when absent.

    Returns
    -------
    Version

    Raises
    ------
    RegistryError
        If the name can't be used or there is no package.
    RunError
        If the run hasn't ended, or has made no model; the message says why.
    IntegrityError
        If a file of the package has a wrong checksum.
    PackageError
        If it was built by another version of the workbench and can't be read; or if it would go live and doesn't load
        or can't predict its own training rows.
    StorageError
        If the disk is full or refuses; nothing is published then.
    """
    settings = settings or current()
    folder = settings.models / check_name(name)
    package = _package_folder(source)
    with locked(folder):
        _remove_leftovers(folder)
        pointers = read_aliases(folder)
        first = CHAMPION not in pointers or not numbers(folder)
        staging = folder / f"{_STAGING}{os.getpid()}"

        def announce(number: int) -> None:
            """Write the audit's line and the first alias: when the version appears, all of it is there."""
            record(
                folder,
                action="publish",
                alias=CHAMPION if first else None,
                version=number,
                previous=None if first else pointers[CHAMPION],
                by=by,
                note=note,
            )
            if first:
                write_json(folder / "aliases.json", {**pointers, CHAMPION: number})

        try:
            _stage(package, staging, settings, goes_live=first)
            number = _rename(staging, folder, settings, announce)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return resolve(f"{name}/{number}", settings=settings)


def _package_folder(source: Path | str | Run) -> Path:
    if isinstance(source, (str, Path)):
        folder = Path(source)
    else:
        source.check_model()  # says why a run has none, and refuses one that is about to write another
        folder = source.package_folder
    if not (folder / "manifest.json").is_file():
        raise RegistryError(
            f"Got {str(folder)!r}, needed a finished package (a folder with manifest.json). "
            "Publish a run that has finished or was stopped after its first epoch."
        )
    return folder


def _stage(package: Path, staging: Path, settings: Settings, *, goes_live: bool) -> None:
    """Copy beside the versions, and check the copy."""
    from workbench.package import package_info, prove_package, verify_manifest

    verify_manifest(package, settings, as_version=False)
    package_info(package)
    with disk_errors(staging):
        # Not `shutil.copytree`: it gathers what went wrong into one error that holds no reason, such as a full disk.
        staging.mkdir()
        for source in sorted(package.rglob("*")):
            destination = staging / source.relative_to(package)
            if source.is_dir():
                destination.mkdir()
            else:
                _copy(str(source), str(destination))
    (staging / PUBLICATION).unlink(missing_ok=True)  # of the version that it was, where a version is published anew
    if goes_live:
        prove_package(staging, settings=settings)
    else:
        verify_manifest(staging, settings)


def _rename(staging: Path, folder: Path, settings: Settings, announce: Callable[[int], None]) -> int:
    # The audit remembers the versions whose folders were deleted: a number always means the same model.
    number = max([*numbers(folder), *(line["version"] for line in read_audit(folder))], default=0)
    while True:
        number += 1
        if (folder / str(number)).exists():
            continue
        write_publication(staging, folder.name, number, settings)
        announce(number)
        try:
            os.rename(staging, folder / str(number))
        except OSError:
            # On a file system where the lock doesn't hold, another publish may have taken the number.
            if (folder / str(number)).exists():
                continue
            with disk_errors(folder / str(number)):
                raise
        return number


def _copy(source: str, destination: str) -> None:
    shutil.copyfile(source, destination)
    with open(destination, "rb") as file:
        os.fsync(file.fileno())


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed publishes left; called with the lock held, so none of it is in use."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_STAGING):
                shutil.rmtree(entry.path, ignore_errors=True)
