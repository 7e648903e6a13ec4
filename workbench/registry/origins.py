"""Which published versions were made from a run."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.registry.names import CHAMPION
from workbench.registry.repository import models, read_aliases
from workbench.settings import Settings, current


def live_versions(manifests: Collection[str], *, settings: Settings | None = None) -> list[str]:
    """List the versions with one of these manifests that an alias points to, such as ``["churn/3 (champion)"]``.

    A version is a copy of a run's package, byte for byte, and no two packages have the same manifest.

    Parameters
    ----------
    manifests : collection of str
        SHA-256 of ``manifest.json``, as `manifest_digest` gives it.
    """
    settings = settings or current()
    found = []
    for name in models(settings=settings) if manifests else []:
        with suppress(WorkbenchError):  # a model whose aliases can't be read answers nothing
            pointed: dict[int, list[str]] = {}
            for alias, number in read_aliases(settings.models / name).items():
                pointed.setdefault(number, []).append(alias)
            for number, aliases in sorted(pointed.items()):
                if manifest_digest(settings.models / name / str(number)) in manifests:
                    words = ", ".join(sorted(aliases, key=lambda alias: (alias != CHAMPION, alias)))
                    found.append(f"{name}/{number} ({words})")
    return found


def manifest_digest(package: Path) -> str | None:
    """Give the SHA-256 of a package's manifest; None where there is none."""
    try:
        return sha256((package / "manifest.json").read_bytes()).hexdigest()
    except OSError:
        return None
