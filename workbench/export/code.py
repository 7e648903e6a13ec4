"""The Python that does what a page shows: the calls of each page, in the page's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pprint import pformat
from typing import Any, Literal, get_args

from workbench.data.naming import source_name
from workbench.errors import SpecError
from workbench.explain.rows import EXPLAINED_ROWS
from workbench.export.image_code import (
    ANSWERS,
    carried_images,
    explanation_of,
    explanation_of_run,
    is_for_images,
)
from workbench.training.spec import RunSpec

Page = Literal["home", "data", "prepare", "train", "evaluate", "explain", "predict", "models"]
PAGES: tuple[Page, ...] = get_args(Page)


@dataclass(frozen=True)
class Explained:
    """What the Explain page shows: which rows of what, by which engine, and what of it is drawn.

    Parameters
    ----------
    rows : {"test", "background", "table"}
        The test split of the run, the training rows that the model carries, or the open table.
    n_rows : int
        At most this many of them, drawn at random.
    table : str, optional
        The open table, where its rows are explained.
    engine : str
    column, output, row : optional
        The column, class and row that are drawn.
    """

    rows: Literal["test", "background", "table"] = "background"
    n_rows: int = EXPLAINED_ROWS
    table: str | None = None
    engine: str = "auto"
    column: str | None = None
    output: str | None = None
    row: int = 0


@dataclass(frozen=True)
class Shown:
    """What is open on the page.

    Parameters
    ----------
    spec : RunSpec, optional
    run_id : str, optional
        A run that exists; its page opens it and doesn't train again.
    model : str, optional
        A published model: ``name``, ``name@alias`` or ``name/number``.
    source : str, optional
        The open table, where there is no spec yet.
    row : dict, optional
        The row that the Predict page asks about.
    takes_images : bool
        Whether the open model takes images.
    subject : {"run", "model"}, optional
        Which of the two the page asks, where both are open; by default the run on Explain, the model on Predict.
    split : str
        The split that the Evaluate page shows.
    kinds : sequence of str
        The pictures of the run's report.
    explained : Explained, optional
        What the Explain page shows.
    image : int
        Which of the images that the model carries is shown, from 0.
    """

    spec: RunSpec | None = None
    run_id: str | None = None
    model: str | None = None
    source: str | None = None
    row: dict[str, Any] | None = None
    takes_images: bool = False
    subject: Literal["run", "model"] | None = None
    split: str = "test"
    kinds: Sequence[str] = ()
    explained: Explained | None = None
    image: int = 0

    @property
    def asks_run(self) -> bool:
        """Whether the page asks the run, not the model."""
        return self.subject == "run" or not self.model


def as_code(
    spec: RunSpec | None,
    page: str,
    *,
    run_id: str | None = None,
    model: str | None = None,
    source: str | None = None,
    row: dict[str, Any] | None = None,
    takes_images: bool = False,
    home: tuple[Path, Path] | None = None,
    **seen: Any,
) -> str:
    """Write the Python that does what a page shows now, with the public names only.

    Parameters
    ----------
    spec : RunSpec or None
        The document that the page edits or shows.
    page : {"home", "data", "prepare", "train", "evaluate", "explain", "predict", "models"}
    run_id : str, optional
        The open run; without it the code trains the spec.
    model : str, optional
        The open model: ``name``, ``name@alias`` or ``name/number``.
    source : str, optional
        The open table; the spec's, or the Titanic sample, when absent.
    row : dict, optional
        The row that the Predict page asks about.
    takes_images : bool
        Whether the open model takes images; a spec says so itself.
    home : pair of Path, optional
        Home and models that the code works in, where it wouldn't find them by itself: see `settings.home_to_name`.
    **seen
        What is chosen on the page: ``subject``, ``split``, ``kinds``, ``explained`` and ``image`` of `Shown`.

    Raises
    ------
    SpecError
        If there is no such page.

    Examples
    --------
    >>> print(as_code(None, "data", source="iris"))
    import workbench as wb
    <BLANKLINE>
    table = wb.open_source("iris")
    table.head(10)
    table.profile().frame()
    <BLANKLINE>
    """
    if page not in PAGES:
        raise SpecError(f"Got the page {page!r}, needed one of {', '.join(PAGES)}. Pass the page's key.")
    shown = Shown(spec=spec, run_id=run_id, model=model, source=source, row=row, takes_images=takes_images, **seen)
    lines = _CALLS[page](shown)
    return "\n".join([*import_lines(home), "", *lines]) + "\n"


def import_lines(home: tuple[Path, Path] | None = None) -> list[str]:
    """Import the workbench and, where `home` gives home and models, work in them wherever the code is run."""
    lines = ["import workbench as wb"]
    if home is not None:
        folder, models = home
        beside = "" if models == folder.parent / "models" else f", {text(str(models))}"
        lines += ["", f"wb.use_home({text(str(folder))}{beside})  # where the app keeps its tables and runs"]
    return lines


def spec_lines(spec: RunSpec) -> list[str]:
    """Write the statement that builds a spec; `spec_from_notebook` reads it back."""
    text = spec.to_yaml()
    if '"""' in text or "\\" in text:  # can't stand in a plain triple-quoted string
        return [f"spec = wb.RunSpec.parse({pformat(spec.to_dict(), width=110, sort_dicts=False)})"]
    return ['spec = wb.RunSpec.from_yaml("""', *text.rstrip("\n").split("\n"), '""")']


def data_lines(shown: Shown) -> list[str]:
    """Open the table and look at it; one with a test file or reader options needs `spec`."""
    if shown.spec is not None and _is_opened_by_spec(shown.spec):
        opening = f"table = wb.open_source(spec.{'opened_data' if _makes_target(shown.spec) else 'data'})"
    elif shown.spec is not None:
        data = shown.spec.opened_data
        target = f", target={text(data.target)}" if data.target else ""
        opening = f"table = wb.open_source({text(data.source)}{target}){_called(data.source)}"
    else:
        source = shown.source or "titanic"
        opening = f"table = wb.open_source({text(source)}){_called(source)}"
    return [opening, "table.head(10)", "table.profile().frame()"]


def _called(source: str) -> str:
    """Say in a comment which table a digest is."""
    name = source_name(source)
    return "" if name == source else f"  # {' '.join(name.split())}"


def _is_opened_by_spec(spec: RunSpec) -> bool:
    return bool(spec.data.test_source or spec.data.reader)


def _makes_target(spec: RunSpec) -> bool:
    return spec.opened_data is not spec.data


def prepare_lines(spec: RunSpec) -> list[str]:
    """Show what the recipe of `spec` does, what the checks find, and the split; needs `spec` and `table`."""
    finds = not spec.data.target  # groups or outliers: there is no answer that could leak, and no split by it
    target = ", target=spec.data.target" if finds or _makes_target(spec) else ""
    lines = [f"preview = wb.preview_recipe(table, spec.recipe{target})", "preview.frame()", "preview.after"]
    if finds:
        return lines
    options = f"recipe=spec.recipe, seed=spec.seed{target}"
    return [
        *lines,
        f"wb.check_data(table, split=spec.split, {options}).frame()",
        f"wb.split(table, spec.split, {options}).frame()",
    ]


def _prepare_page_lines(spec: RunSpec) -> list[str]:
    """Give `prepare_lines` and what the page does on request: compare the scores, save the recipe."""
    saving = f"wb.save_recipe({text(spec.name)}, spec.recipe, table=table)  # to open it on another table"
    leaking = ["wb.leak_comparison(spec).frame()"] if spec.data.target else []
    return [*prepare_lines(spec), *leaking, *([f"# {saving}"] if spec.recipe else [])]


def evaluate_lines(spec: RunSpec | None, *, split: str = "test", kinds: Sequence[str] = ()) -> list[str]:
    """Show how good `run` is; `kinds` are the pictures, by default two that suit the task."""
    lines = ["report = run.evaluate()", "report.frame()"]
    if spec is not None and spec.split.folds:
        lines.append("report.cross_validation()")
    task = None if spec is None else spec.data.task
    usual = {"regression": ("predicted", "residuals"), "classification": ("confusion", "roc")}.get(str(task), ())
    return [*lines, *(f'report.plot("{kind}", split="{split}")' for kind in kinds or usual)]


def explain_lines(subject: str, explained: Explained | None = None) -> list[str]:
    """Explain the rows that `subject` (a call without its closing bracket) is given."""
    output, column, row = "", None, 0
    if explained is not None:
        output = f", output={text(explained.output)}" if explained.output else ""
        column, row = explained.column, explained.row
    return [
        f"explanation = {subject})",
        "explanation.importance()",
        f'explanation.plot("beeswarm"{output})',
        *([f'explanation.plot("dependence", column={text(column)}{output})'] if column else []),
        f'explanation.plot("waterfall", row={row}{output})',
    ]


def _home(shown: Shown) -> list[str]:
    return ["wb.runs_frame()", "wb.models()"]


def _data(shown: Shown) -> list[str]:
    building = spec_lines(shown.spec) if shown.spec is not None and _is_opened_by_spec(shown.spec) else []
    return [*building, *data_lines(shown)]


def _prepare(shown: Shown) -> list[str]:
    if shown.spec is None:
        return [data_lines(shown)[0], "table.profile().findings"]
    if is_for_images(shown.spec):
        return [*spec_lines(shown.spec), *data_lines(shown)[:2]]
    return [*spec_lines(shown.spec), data_lines(shown)[0], *_prepare_page_lines(shown.spec)]


def _train(shown: Shown) -> list[str]:
    if shown.run_id:
        return [*_run(shown), "run.watch()", "run.history()", *search_lines(shown.spec)]
    if shown.spec is None:
        return ["wb.runs_frame()"]
    return [*spec_lines(shown.spec), "run = wb.start(spec)", "run.watch()", *search_lines(shown.spec)]


def search_lines(spec: RunSpec | None) -> list[str]:
    """Show the trials of `run` where it searches."""
    return ["run.leaderboard()"] if spec is not None and spec.search is not None else []


def _evaluate(shown: Shown) -> list[str]:
    if not _has_run(shown):
        return ["wb.runs_frame()"]
    return [*_run(shown), *evaluate_lines(shown.spec, split=shown.split, kinds=shown.kinds)]


def _explain(shown: Shown) -> list[str]:
    if shown.run_id and shown.subject is None:
        shown = replace(shown, subject="run")
    if shown.asks_run and not _has_run(shown):
        return ["wb.models()"]
    if shown.asks_run and shown.spec is not None and is_for_images(shown.spec):
        return [*_run(shown), *explanation_of_run(shown.image)]
    if not shown.asks_run and shown.takes_images:
        return explanation_of(text(shown.model or ""), shown.image)
    explained = shown.explained or Explained(rows="test" if shown.asks_run else "background")
    if shown.asks_run:
        lines, owner, call = _run(shown), "run", "run.explain("
    else:
        lines = [f"version = wb.open_version({text(shown.model or '')})"]
        owner, call = "version", "wb.explain_model(version, "
    options = f"n_rows={explained.n_rows}" + (f', engine="{explained.engine}"' if explained.engine != "auto" else "")
    if explained.rows == "table" and explained.table:
        lines.append(f"table = wb.open_source({text(explained.table)})")
        options = f"table.frame(), {options}"
    elif explained.rows == "background":
        options = f"{owner}.background(), {options}"
    return [*lines, *explain_lines(call + options, explained)]


def _predict(shown: Shown) -> list[str]:
    if not shown.asks_run:
        lines = [f"model = wb.load_model({text(shown.model or '')})"]
    elif _has_run(shown):
        lines = [*_run(shown), "model = run.model()"]
    else:
        return ["wb.models()"]
    if not shown.asks_run and shown.takes_images:
        carried = f"wb.open_version({text(shown.model or '')})"
        return [*lines, carried_images(carried, shown.image), *ANSWERS]
    if shown.asks_run and shown.spec is not None and is_for_images(shown.spec):
        return [*lines, carried_images("run", shown.image), *ANSWERS]
    if shown.row is None:
        rows = "rows = [{column.name: column.example for column in model.signature.columns}]"
    else:
        rows = f"rows = {pformat([shown.row], width=110, sort_dicts=False)}"
    explain = "run.explain(" if shown.asks_run else f"wb.explain_model({text(shown.model or '')}, "
    why = f'{explain}rows, engine="permutation").plot("waterfall", row=0)'
    return [*lines, rows, "model.predict_frame(rows)", why]


def _models(shown: Shown) -> list[str]:
    lines = []
    if shown.model:
        name = text(shown.model.split("@")[0].split("/")[0])
        lines = [f"wb.versions({name})", f"wb.audit({name})"]
        lines += [
            f"# wb.promote({name}, 2)  # make version 2 live",
            f"# wb.rollback({name})    # back to the one before",
        ]
    if shown.run_id and shown.spec is not None:
        lines += [*_run(shown), *publish_lines(shown.spec)]
    return lines or ["wb.models()"]


def publish_lines(spec: RunSpec) -> list[str]:
    """Publish `run`; a comment, so that running everything doesn't make a model live."""
    from workbench.registry.names import suggest_name_of

    return [f"# version = wb.publish(run, {text(suggest_name_of(spec))})"]


def _run(shown: Shown) -> list[str]:
    if shown.run_id:
        return [f"run = wb.open_run({text(shown.run_id)})"]
    assert shown.spec is not None  # noqa: S101 - _has_run was asked
    return [*spec_lines(shown.spec), "run = wb.train(spec)"]


def _has_run(shown: Shown) -> bool:
    return bool(shown.run_id) or shown.spec is not None


def text(value: str) -> str:
    """Write a string literal with double quotes where that needs no escape."""
    return repr(value) if '"' in value or "\\" in value or not value.isprintable() else f'"{value}"'


_CALLS: dict[str, Callable[[Shown], list[str]]] = {
    "home": _home,
    "data": _data,
    "prepare": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "explain": _explain,
    "predict": _predict,
    "models": _models,
}
