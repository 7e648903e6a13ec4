"""The RunSpec that is being edited for a table: ``WORKBENCH_HOME/drafts/<digest>.json``.

On disk and not in the session, so that a reload, another page and a second browser show the same. A named draft
(``?draft=maria``) lies beside it, as ``<digest>.maria.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench import storage
from workbench.data.naming import as_file_name
from workbench.data.spec import AnyTask, DataSpec, SplitSpec, Task
from workbench.errors import SpecError, StorageError, WorkbenchError
from workbench.estimators.spec import EstimatorSpec, TrainingSpec
from workbench.locking import locked
from workbench.recipe.checking_images import image_columns, label_column
from workbench.recipe.made_target import makeable
from workbench.recipe.spec import Step
from workbench.settings import Settings, current
from workbench.training.search_spec import SearchSpec
from workbench.training.spec import RunSpec
from workbench.ui import draft_history, draft_names

if TYPE_CHECKING:
    from workbench.data import Table


class Draft(BaseModel):
    """A RunSpec whose target may still be missing. Groups and outliers are found without one.

    Parameters
    ----------
    source : str
        How the RunSpec names the table.
    digest : str
        The table's digest; names the file.
    table_name : str
        What people call the table; runs are named after it.
    name : str, optional
        The run's name; made from table and estimator when absent.
    answer : str, optional
        Where groups or outliers are to be found, the column that was the target before: suggestions leave it out.
    test_source : str, optional
        How the RunSpec names the table that the test rows come from, where they have one of their own.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    digest: str
    table_name: str = ""
    name: str | None = None
    target: str | None = None
    answer: str | None = None
    task: AnyTask | None = None
    test_source: str | None = None
    recipe: tuple[Step, ...] = ()
    split: SplitSpec = Field(default_factory=SplitSpec)
    estimator: EstimatorSpec = Field(default_factory=lambda: EstimatorSpec(name="hist_gradient_boosting"))
    training: TrainingSpec = Field(default_factory=TrainingSpec)
    search: SearchSpec | None = None
    seed: int = 0

    @property
    def finds(self) -> bool:
        """Whether it finds groups or outliers, which needs no target."""
        return self.task in ("clustering", "outlier_detection")

    @property
    def target_name(self) -> str:
        """The column to predict; empty where there is none."""
        return self.target or ""

    @property
    def supervised_task(self) -> Task | None:
        """The task where it is chosen and has a target."""
        return self.task if self.task in ("classification", "regression") else None

    def spec(self) -> RunSpec:
        """Build the RunSpec.

        Raises
        ------
        SpecError
            While no target is chosen, or when a part doesn't fit the others.
        """
        if not self.target and not self.finds:
            raise SpecError("Got no target, needed the column to predict. Choose it on the Prepare page.")
        return RunSpec.parse(
            {
                "name": self.name or self.suggested_name(),
                "data": DataSpec(
                    source=self.source,
                    target="" if self.finds else str(self.target),
                    task=self.task,
                    test_source=self.test_source,
                ),
                "recipe": self.recipe,
                "split": self.split,
                "estimator": self.estimator,
                "training": self.training,
                "search": self.search,
                "seed": self.seed,
            }
        )

    def suggested_name(self) -> str:
        """Name the run after its table and estimator, or after the search that chooses one."""
        short = {"hist_gradient_boosting": "boosting", "random_forest": "forest", "dense_network": "network"}
        estimator = short.get(self.estimator.name, self.estimator.name.replace("_", "-"))
        if self.search is not None and self.search.method == "everything":
            estimator = "everything"  # which one it will be is what the run finds out
        called = as_file_name(self.table_name) or self.source
        return f"{called[: 63 - len(estimator)].rstrip('-._')}-{estimator}"

    def changed(self, **parts: Any) -> Draft:
        """Give a copy with other parts, checked."""
        return type(self).model_validate({**{name: getattr(self, name) for name in type(self).model_fields}, **parts})


_OF_TABLE = ("source", "digest", "table_name")  # known by the table, and so not stored


def _of(table: Table) -> dict[str, str]:
    return {"source": table.source, "digest": table.digest, "table_name": table.name}


def load(table: Table, *, settings: Settings | None = None) -> Draft:
    """Read the draft of a table; a new one starts with the table's own target and an empty recipe."""
    fresh = Draft(**_of(table), target=table.target)
    if image_columns(table.columns):
        fresh = fresh.changed(estimator=EstimatorSpec(name="small_convnet"), target=table.target or _labels(table))
    try:
        document = storage.read_json(_file(table.digest, settings))
        if document is None:
            return fresh
        draft = Draft.model_validate({**document, **_of(table)})
    except (StorageError, ValidationError):
        return fresh  # a draft of another version is not worth a dead page
    names = {column.name for column in table.columns}.union(makeable(draft.recipe))
    return draft if draft.target is None or draft.target in names else draft.changed(target=None, task=None)


def _labels(table: Table) -> str | None:
    try:
        return label_column(table.columns)
    except WorkbenchError:
        return None


def save(draft: Draft, *, before: Draft | None = None, settings: Settings | None = None) -> Draft:
    """Replace the stored draft in one step; what was there before can be undone.

    Parameters
    ----------
    draft : Draft
    before : Draft, optional
        What undo brings back; the stored draft when absent.

    Raises
    ------
    StorageError
        If the disk refuses; the draft before is then still there.
    """
    path = _file(draft.digest, settings)
    with _turn(path):
        try:
            document = storage.read_json(path)
            history = draft_history.read(document)
            if before is None and document is not None:
                before = Draft.model_validate({**document, **{name: getattr(draft, name) for name in _OF_TABLE}})
            if before is not None:
                history = draft_history.grown(history, before, draft)
        except (StorageError, ValidationError, TypeError):
            history = draft_history.read(None)
        return _write(draft, history, path)


def undo(table: Table, *, redo: bool = False, settings: Settings | None = None) -> Draft:
    """Bring back what was there before the last change of target, recipe or split; with `redo`, what was there after.

    Without anything to undo the draft stays as it is.
    """
    path = _file(table.digest, settings)
    with _turn(path):
        draft = load(table, settings=settings)
        found = draft_history.step_back(_history(path), draft, redo=redo)
        return draft if found is None else _write(*found, path)


def undoable(table: Table, *, settings: Settings | None = None) -> tuple[str, str]:
    """Say what undo and redo would take back and bring again; empty where there is nothing."""
    history, draft = _history(_file(table.digest, settings)), load(table, settings=settings)
    now = draft_history.state_of(draft)
    past, future = history["past"], history["future"]
    return (
        draft_history.describe(past[-1], now) if past else "",
        draft_history.describe(now, future[-1]) if future else "",
    )


def _history(path: Path) -> draft_history.History:
    try:
        return draft_history.read(storage.read_json(path))
    except StorageError:
        return draft_history.read(None)


def _write(draft: Draft, history: draft_history.History, path: Path) -> Draft:
    document = draft.model_dump(mode="json", exclude={*_OF_TABLE, "training"}, exclude_none=True)
    document["training"] = draft.training.to_dict()  # what nobody set is left to the estimator
    if history["past"] or history["future"]:
        document["history"] = history
    if noted := draft_names.noted(_editors(path)):
        document["editors"] = noted
    storage.write_json(path, document)
    return draft


def editors(table: Table) -> dict[str, float]:
    """Give which sessions changed the open draft of a table when, in Unix seconds."""
    return draft_names.editors(_editors(_file(table.digest, None)))


def _editors(path: Path) -> Any:
    try:
        return (storage.read_json(path) or {}).get("editors")
    except (StorageError, AttributeError):  # a damaged draft starts anew
        return None


def names(table: Table) -> list[str]:
    """List the named drafts of a table."""
    start = len(table.digest) + 1
    found = (path.stem[start:] for path in (current().home / "drafts").glob(f"{table.digest}.*.json"))
    return sorted(name for name in found if draft_names.NAME.fullmatch(name))


def copy(table: Table) -> str:
    """Store the open draft under a new name; give the name.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    folder = current().home / "drafts"
    with _turn(folder / f"{table.digest}.json"):  # two who copy at once get two names
        document = storage.read_json(_file(table.digest, None)) or {}
        name = draft_names.free_name(names(table))
        document["editors"] = draft_names.noted(None)
        storage.write_json(folder / f"{table.digest}.{name}.json", document)
    return name


def from_spec(spec: RunSpec, table: Table) -> Draft:
    """Start a draft from an existing run's spec."""
    draft = Draft(
        **_of(table),
        target=spec.data.target or None,
        task=spec.data.task,
        test_source=spec.data.test_source,
        recipe=spec.recipe,
        split=spec.split,
        estimator=spec.estimator,
        training=spec.training,
        search=spec.search,
        seed=spec.seed,
    )
    # A name that was made (once from the digest) is made again, so that it fits what the draft becomes.
    made = spec.name == draft.suggested_name() or spec.name.startswith(f"{table.short_digest}-")
    return draft if made else draft.changed(name=spec.name)


def update(table: Table, **parts: Any) -> Draft:
    """Change parts of the stored draft; the others stay as another page or browser left them."""
    with editing(table) as before:
        return save(before.changed(**parts), before=before)


@contextmanager
def editing(table: Table) -> Iterator[Draft]:
    """Give the stored draft, which nobody else changes until what is made of it is stored.

    Whatever is reckoned from the draft (a recipe with one more step) and then stored belongs inside: a second browser
    that does the same waits, and starts from the result. `update`, `save` and `undo` may be called in it.
    """
    with _turn(_file(table.digest, None)):
        yield load(table)


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    with ExitStack() as stack:
        with suppress(StorageError):  # what is written beside it then says why
            stack.enter_context(locked(path.with_name(f".{path.stem}.lock")))
        yield


def _file(digest: str, settings: Settings | None) -> Path:
    name = draft_names.current()
    return (settings or current()).home / "drafts" / (f"{digest}.{name}.json" if name else f"{digest}.json")
