"""Make a version live, or go back to the one before."""

from __future__ import annotations

from workbench.errors import RegistryError
from workbench.registry.auditing import live_versions, locked, record
from workbench.registry.names import CHAMPION, Reference, check_alias
from workbench.registry.repository import Version, model_folder, read_aliases, resolve, resolve_number
from workbench.settings import Settings, current
from workbench.storage import write_json


def promote(
    name: str,
    number: int,
    alias: str = CHAMPION,
    *,
    by: str | None = None,
    note: str = "",
    settings: Settings | None = None,
) -> Version:
    """Point an alias at a version; whoever serves the alias answers with this version from the next request on.

    Parameters
    ----------
    name : str
    number : int
        The version to make live.
    alias : str
        ``champion`` is what a bare name means.
    by : str, optional
        Who promotes; the user of this process when absent.
    note : str
        A line for the audit.

    Returns
    -------
    Version

    Raises
    ------
    ModelNotFoundError
        If there is no such model or version; the message lists what exists.
    RegistryError
        If `number` isn't a whole number or the alias can't be used.
    IntegrityError
        If a file of the version has a wrong checksum or signature; the alias stays where it was.
    PackageError
        If it doesn't load, its graph doesn't fit its signature, or it can't predict its own training rows; the alias
        stays where it was.
    """
    from workbench.package import prove_package

    settings = settings or current()
    check_alias(alias)
    if isinstance(number, bool) or not isinstance(number, int):
        raise RegistryError(f"Got version {number!r}, needed a whole number. Pass for example version.number.")
    folder = model_folder(name, settings)
    with locked(folder):
        number = resolve_number(Reference(name, number, None), settings)
        prove_package(folder / str(number), settings=settings)
        pointers = read_aliases(folder)
        previous = pointers.get(alias)
        if previous != number:
            # The line first: an alias never moves without one, whatever happens between the two writes.
            record(folder, action="promote", alias=alias, version=number, previous=previous, by=by, note=note)
            write_json(folder / "aliases.json", {**pointers, alias: number})
    return resolve(f"{name}/{number}", settings=settings)


def rollback(
    name: str,
    alias: str = CHAMPION,
    *,
    by: str | None = None,
    note: str = "",
    settings: Settings | None = None,
) -> Version:
    """Return an alias to the version that was live before; again and again, back to the first.

    Versions whose folder is gone are passed over.

    Returns
    -------
    Version
        The one that is live now.

    Raises
    ------
    RegistryError
        If no version was live before this one.
    ModelNotFoundError
        If there is no such model.
    IntegrityError, PackageError
        If the version before isn't sound, as for `promote`; the alias stays where it was.
    """
    from workbench.package import prove_package

    settings = settings or current()
    check_alias(alias)
    folder = model_folder(name, settings)
    with locked(folder):
        pointers = read_aliases(folder)
        now = pointers.get(alias)
        earlier = live_versions(folder, alias, now)[:-1] if now is not None else []
        existing = [number for number in earlier if number != now and (folder / str(number)).is_dir()]
        if not existing:
            raise RegistryError(
                f"Got a rollback of {name}, but no version was {alias} before "
                f"{f'version {now}' if now is not None else 'now'}. Promote the version that you want instead."
            )
        number = existing[-1]
        prove_package(folder / str(number), settings=settings)
        record(folder, action="rollback", alias=alias, version=number, previous=now, by=by, note=note)
        write_json(folder / "aliases.json", {**pointers, alias: number})
    return resolve(f"{name}/{number}", settings=settings)
