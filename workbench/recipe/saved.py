"""Recipes under a name: saved, listed, compared, shared as text. ``WORKBENCH_HOME/recipes/<name>.json``."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import storage
from workbench.errors import RecipeError, StorageError
from workbench.locking import locked
from workbench.recipe.comparing import compare_steps
from workbench.recipe.given import Recipe, parsed_steps
from workbench.recipe.matching import types_of
from workbench.recipe.sharing import MAX_BYTES, parse_document, parse_steps, step_document, to_yaml
from workbench.recipe.spec import Step
from workbench.settings import Settings, current

if TYPE_CHECKING:
    import polars as pl

    from workbench.data.table import Table

FORMAT = 1
MAX_NAME = 80
_NAME = re.compile(r"\w[\w .,()+&=-]*")
_ENDINGS = (".yaml", ".yml", ".json")
_TYPES = ("number", "text", "boolean", "datetime", "image")


@dataclass(frozen=True)
class SavedRecipe:
    """A recipe with its name, and the columns of the table that it was made for.

    Parameters
    ----------
    name : str
    steps : tuple of Step
    note : str
        What it is for.
    saved : float
        Unix seconds.
    table : str, optional
        Name of the table that it was saved with.
    target : str, optional
        What that table's rows were to predict.
    columns : mapping of str to {"number", "text", "boolean", "datetime", "image"}, optional
        The columns of that table; a new table is compared with them.
    """

    name: str
    steps: tuple[Step, ...]
    note: str = ""
    saved: float = 0.0
    table: str | None = None
    target: str | None = None
    columns: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain values."""
        document: dict[str, Any] = {"format": FORMAT, "name": self.name}
        for part in ("note", "saved", "table", "target"):
            if getattr(self, part):
                document[part] = getattr(self, part)
        document["steps"] = [step_document(step) for step in self.steps]
        if self.columns:
            document["columns"] = dict(self.columns)
        return document


def save_recipe(
    name: str,
    recipe: Recipe,
    *,
    table: Table | None = None,
    target: str | None = None,
    note: str = "",
    replace: bool = False,
    settings: Settings | None = None,
) -> SavedRecipe:
    """Save a recipe under a name; the Prepare page and ``workbench recipe`` list it, too.

    Parameters
    ----------
    name : str
        Letters, digits, spaces and ``. , ( ) + & = - _``, at most 80 of them.
    recipe : sequence of steps
    table : Table, optional
        Whose columns are kept with it, so that `match_recipe` can compare another table's with them.
    target : str, optional
        What its rows are to predict; the table's own when absent.
    note : str
        What it is for.
    replace : bool, default False
        Whether another recipe of that name may go.

    Raises
    ------
    RecipeError
        If the name can't be a file's, or is taken by other steps.
    SpecError
        If a step is malformed.
    StorageError
        If the disk refuses; what was saved before is then still there.
    """
    path = _file(name, settings)
    kept = SavedRecipe(
        name=path.stem,
        steps=parse_steps([step_document(step) for step in parsed_steps(recipe)]),
        note=note.strip()[:2_000],
        saved=time.time(),
        table=None if table is None else table.name,
        target=target or (None if table is None else table.target),
        columns=None if table is None else types_of(table.columns),
    )
    with locked(path.parent / ".lock"):
        if not replace and path.exists() and open_recipe(name, settings=settings).steps != kept.steps:
            raise RecipeError(
                f"Got the name {kept.name!r}, which another recipe has; needed a new one. "
                "Choose another name, or replace the saved recipe."
            )
        storage.write_json(path, kept.to_dict())
    return kept


def recipes(*, settings: Settings | None = None) -> list[SavedRecipe]:
    """List the saved recipes, the latest first; files that can't be read are left out."""
    folder = (settings or current()).home / "recipes"
    found = []
    for path in storage.entries(folder):
        if path.suffix == ".json" and not path.name.startswith("."):
            with suppress(RecipeError, StorageError):
                found.append(open_recipe(path.stem, settings=settings))
    return sorted(found, key=lambda recipe: (-recipe.saved, recipe.name))


def open_recipe(name: str, *, settings: Settings | None = None) -> SavedRecipe:
    """Open a saved recipe.

    Raises
    ------
    RecipeError
        If there is none of that name, or its file was damaged.
    """
    path = _file(name, settings)
    try:
        return _read_file(path)
    except FileNotFoundError:
        from workbench.data.table import nearest

        names = [entry.stem for entry in storage.entries(path.parent) if entry.suffix == ".json"]
        hint = nearest(name, names) or " Save one on the Prepare page, or list them with `workbench recipe list`."
        raise RecipeError(f"Got {name!r}, needed the name of a saved recipe.{hint}") from None


def delete_recipe(name: str, *, settings: Settings | None = None) -> None:
    """Delete a saved recipe; runs that used it keep their own copy.

    Raises
    ------
    RecipeError
        If there is none of that name.
    StorageError
        If the disk refuses.
    """
    path = _file(name, settings)
    try:
        with storage.disk_errors(path):
            path.unlink()
    except StorageError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise RecipeError(
            f"Got {name!r}, needed the name of a saved recipe. List them with `workbench recipe list`."
        ) from None


def read_recipe(source: str | bytes | Path, *, name: str | None = None) -> SavedRecipe:
    """Read a recipe that someone shared: YAML or JSON, a list of steps, a saved recipe, or a whole RunSpec.

    Parameters
    ----------
    source : Path, str or bytes
        A file, or its content. A string of one line that ends in ``.yaml``, ``.yml`` or ``.json`` is a path.
    name : str, optional
        What to call it when it doesn't say so itself.

    Raises
    ------
    RecipeError
        If it can't be read, is beyond a limit, or holds steps that don't exist.

    Examples
    --------
    >>> read_recipe("- {step: impute, columns: [age]}").steps[0].columns
    ('age',)
    """
    if isinstance(source, Path) or _is_path(source):
        path = Path(str(source))
        try:
            return _read_file(path)
        except OSError as error:
            raise RecipeError(
                f"Got {str(source)!r}, which can't be read ({error.strerror or error}); "
                "needed a file with a recipe. Correct the path."
            ) from error
    return _built(parse_document(source), name or "recipe", 0.0)


def recipe_to_yaml(recipe: SavedRecipe | Sequence[Step]) -> str:
    """Write a recipe as YAML: a list of steps, or with name, note and columns when it was saved.

    Examples
    --------
    >>> from workbench.recipe.spec import OneHot
    >>> print(recipe_to_yaml([OneHot(columns=("sex",))]), end="")
    - step: one_hot
      columns: [sex]
    """
    return to_yaml(_document(recipe))


def recipe_to_json(recipe: SavedRecipe | Sequence[Step]) -> str:
    """Write a recipe as JSON; see `recipe_to_yaml`."""
    return json.dumps(_document(recipe), indent=2, ensure_ascii=False)


def compare_recipes(
    first: str | Recipe,
    second: str | Recipe,
    *,
    settings: Settings | None = None,
) -> pl.DataFrame:
    """Show where two recipes differ: one row a step, with the parts that differ; see `comparing.compare_steps`.

    Raises
    ------
    RecipeError
        If a name is given that no saved recipe has.
    SpecError
        If a step is malformed.
    """
    return compare_steps(_steps_of(first, settings), _steps_of(second, settings))


def _steps_of(recipe: str | Recipe, settings: Settings | None) -> tuple[Step, ...]:
    return open_recipe(recipe, settings=settings).steps if isinstance(recipe, str) else parsed_steps(recipe)


def _document(recipe: SavedRecipe | Sequence[Step]) -> Any:
    return recipe.to_dict() if isinstance(recipe, SavedRecipe) else [step_document(step) for step in recipe]


def _is_path(source: str | bytes) -> bool:
    return isinstance(source, str) and "\n" not in source and source.strip().lower().endswith(_ENDINGS)


def _read_file(path: Path) -> SavedRecipe:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
        modified = path.stat().st_mtime
    return _built(parse_document(data), path.stem, modified)


def _built(document: Any, name: str, saved: float) -> SavedRecipe:
    steps = parse_steps(document)
    said = document if isinstance(document, dict) else {}
    data = said.get("data")
    if isinstance(data, dict):  # a RunSpec
        said = {"name": said.get("name"), "table": data.get("source"), "target": data.get("target")}
    moment = said.get("saved")
    return SavedRecipe(
        name=_word(said.get("name")) or name,
        steps=steps,
        note=_word(said.get("note"), 2_000) or "",
        saved=float(moment) if isinstance(moment, int | float) and 0 <= moment < 1e11 else saved,
        table=_word(said.get("table")),
        target=_word(said.get("target")),
        columns=_columns(said.get("columns")),
    )


def _word(value: Any, length: int = 200) -> str | None:
    return value.strip()[:length] or None if isinstance(value, str) else None


def _columns(value: Any) -> Mapping[str, str] | None:
    if not isinstance(value, dict):
        return None
    return {name: type_ for name, type_ in value.items() if isinstance(name, str) and type_ in _TYPES} or None


def _file(name: str, settings: Settings | None) -> Path:
    clean = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    too_long = len(clean) > MAX_NAME or len(clean.encode("utf-8", "replace")) > 2 * MAX_NAME
    if too_long or not _NAME.fullmatch(clean) or clean.endswith("."):
        raise RecipeError(
            f"Got {str(name)[:60]!r} as the name of a recipe, needed 1 to {MAX_NAME} letters, digits, spaces or "
            ". , ( ) + & = - _, with a letter or digit first and no full stop at the end. Choose such a name."
        )
    return (settings or current()).home / "recipes" / f"{clean}.json"
