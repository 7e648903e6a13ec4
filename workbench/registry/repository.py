"""The published versions of a model: what exists, which one a reference means, what is known about each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelNotFoundError, PackageError, StorageError
from workbench.registry.audit_lines import publish_times
from workbench.registry.names import CHAMPION, Reference, parse_reference
from workbench.settings import Settings, current
from workbench.storage import disk_errors, read_json

if TYPE_CHECKING:
    import polars as pl

    from workbench.package import Predictor


@dataclass(frozen=True)
class Version:
    """One published version of a model.

    Parameters
    ----------
    name : str
    number : int
        1 for the first; never used twice.
    folder : Path
        The package: graph, signature, card, metrics.
    aliases : tuple of str
        Which aliases point here now, such as ``champion``.
    created : float
        When it was published, in seconds since 1970.
    metrics : dict
        ``{"test": {"accuracy": ...}, ...}`` as measured by its run.
    engine : {"onnx", "native", "unknown"}
        What predicts: the graph, or the native model where no faithful graph exists; unknown where there is a problem.
    max_difference : float or None
        Largest difference between graph and native model over the evaluation rows.
    labels_changed : int or None
        Evaluation rows whose label differs between graph and native model.
    problem : str
        Why its description or its aliases can't be read; empty for a sound version. It is listed all the same.
    """

    name: str
    number: int
    folder: Path
    aliases: tuple[str, ...]
    created: float
    metrics: dict[str, dict[str, float]]
    engine: str
    max_difference: float | None
    labels_changed: int | None
    problem: str = ""

    @property
    def reference(self) -> str:
        """``name/number``, which always means this version."""
        return f"{self.name}/{self.number}"

    def background(self) -> pl.DataFrame:
        """Give some of the raw training rows (at most 200, the model's columns only), to compare with or to explain.

        Raises
        ------
        StorageError
            If the package has none that can be read.
        """
        import polars as pl

        path = self.folder / "background.parquet"
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StorageError(
                f"Got {path}, which can't be read ({error}), needed training rows. Restore the version, or pass rows."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Give the version as plain values for JSON."""
        return {
            "name": self.name,
            "version": self.number,
            "aliases": list(self.aliases),
            "created": self.created,
            "engine": self.engine,
            "max_difference": self.max_difference,
            "labels_changed": self.labels_changed,
            "metrics": self.metrics,
            "problem": self.problem,
        }

    def __str__(self) -> str:
        marks = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name} v{self.number}{marks}"

    def _repr_html_(self) -> str:
        published = datetime.fromtimestamp(self.created, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"<b>{self}</b> · {self.engine} · published {published}"


def models(*, settings: Settings | None = None) -> list[str]:
    """List the names of the models that have at least one version, in alphabetical order."""
    folder = (settings or current()).models
    return sorted(name for name in _entries(folder) if _is_model_name(name) and numbers(folder / name))


def numbers(folder: Path) -> list[int]:
    """List the version numbers in a model's folder, ascending; Triton's rule: digits without a leading zero."""
    return sorted(int(entry) for entry in _entries(folder) if entry.isascii() and entry.isdigit() and entry[0] != "0")


def versions(name: str, *, settings: Settings | None = None) -> list[Version]:
    """List the versions of a model, newest first.

    Where the aliases can't be read, none is given and every version says why in `problem`.

    Raises
    ------
    ModelNotFoundError
        If there is no model of that name.
    """
    settings = settings or current()
    folder = model_folder(name, settings)
    pointers, problem = _pointers(folder)
    published = publish_times(folder)
    return [_describe(name, number, folder, pointers, published, problem) for number in reversed(numbers(folder))]


def resolve(reference: str, *, settings: Settings | None = None) -> Version:
    """Find the version that ``churn@champion``, ``churn/3`` or ``churn`` (its champion) means.

    Raises
    ------
    ModelNotFoundError
        If there is no such model, version or alias; the message lists what exists.
    """
    settings = settings or current()
    parsed = parse_reference(reference)
    number = resolve_number(parsed, settings)
    folder = model_folder(parsed.name, settings)
    pointers, problem = _pointers(folder)
    return _describe(parsed.name, number, folder, pointers, publish_times(folder), problem)


def resolve_number(reference: Reference, settings: Settings) -> int:
    """Find the number that a parsed reference means, and make sure that this version exists."""
    folder = model_folder(reference.name, settings)
    number = reference.number
    if number is None:
        pointers = read_aliases(folder)
        number = pointers.get(reference.alias or CHAMPION)
        if number is None:
            raise ModelNotFoundError(
                f"Got {reference.name}@{reference.alias}, but {reference.name} has no alias {reference.alias!r}. "
                f"Aliases: {_listed(f'{alias} (version {n})' for alias, n in pointers.items())}. "
                f"Promote one of its versions ({_listed(numbers(folder))}) or name the version."
            )
    if not (folder / str(number)).is_dir():
        raise ModelNotFoundError(
            f"Got version {number} of {reference.name}, which doesn't exist. "
            f"Use one of its versions: {_listed(numbers(folder))}."
        )
    return number


def load_model(reference: str, *, settings: Settings | None = None) -> Predictor:
    """Load a published version, ready to predict.

    Raises
    ------
    ModelNotFoundError
        If there is no such model, version or alias.
    IntegrityError
        If a file of the package has a wrong checksum or signature.
    """
    from workbench.package import load_predictor

    settings = settings or current()
    return load_predictor(resolve(reference, settings=settings).folder, verify=True, settings=settings)


def model_folder(name: str, settings: Settings) -> Path:
    """Give the folder of a model that exists.

    Raises
    ------
    ModelNotFoundError
        If it doesn't; the message lists the models that do.
    """
    parse_reference(name)  # a name that isn't one never becomes a path
    folder = settings.models / name
    if not numbers(folder):
        raise ModelNotFoundError(
            f"Got the model {name!r}, which doesn't exist. Models here: {_listed(models(settings=settings))}. "
            "Use one of them, or publish a run under this name."
        )
    return folder


def read_aliases(folder: Path) -> dict[str, int]:
    """Read which alias of a model points to which version.

    Raises
    ------
    StorageError
        If ``aliases.json`` isn't a mapping of names to numbers.
    """
    path = folder / "aliases.json"
    pointers = read_json(path, {})
    if not isinstance(pointers, dict) or not all(type(n) is int and n > 0 for n in pointers.values()):
        raise StorageError(f'Got {pointers!r} in {path}, needed {{"champion": NUMBER}}. Correct the file.')
    return pointers


def _pointers(folder: Path) -> tuple[dict[str, int], str]:
    """Read the aliases, or say why they can't be read: one damaged model mustn't hide the others."""
    try:
        return read_aliases(folder), ""
    except StorageError as error:
        return {}, str(error)


def _describe(
    name: str,
    number: int,
    folder: Path,
    pointers: dict[str, int],
    published: dict[int, float],
    problem: str = "",
) -> Version:
    from workbench.package import package_info

    place = folder / str(number)
    info, metrics = None, {}
    try:
        info = package_info(place)
        metrics = _metrics(place / "metrics.json")
    except (PackageError, StorageError) as error:  # one damaged version mustn't hide the others
        problem = str(error)
    return Version(
        name=name,
        number=number,
        folder=place,
        aliases=tuple(sorted(alias for alias, target in pointers.items() if target == number)),
        created=published.get(number) or _modified(place),
        metrics=metrics,
        engine=info.engine if info else "unknown",
        max_difference=info.max_difference if info else None,
        labels_changed=info.labels_changed if info else None,
        problem=problem,
    )


def _metrics(path: Path) -> dict[str, dict[str, float]]:
    document = read_json(path, {})
    if not isinstance(document, dict) or not all(isinstance(part, dict) for part in document.values()):
        raise StorageError(f"Got another content than metrics by split in {path}, needed them. Restore the version.")
    return document


def _entries(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        with disk_errors(folder):
            raise


def _modified(folder: Path) -> float:
    try:
        return (folder / "manifest.json").stat().st_mtime
    except OSError:
        return 0.0


def _is_model_name(text: str) -> bool:
    try:
        return parse_reference(text).name == text
    except ModelNotFoundError:
        return False


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values) or "none yet"
