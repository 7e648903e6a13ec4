"""Finding runs, comparing their specs, and deleting them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from workbench import storage, training
from workbench.errors import RunError, WorkbenchError
from workbench.settings import Settings, current
from workbench.training.spec import RunSpec
from workbench.training.state import PACKAGES

if TYPE_CHECKING:
    import polars as pl

_STATUSES = ("queued", "running", "finished", "stopped", "failed", "lost")
_SORTS = ("created", "name", "status", "seconds", "priority")


def find_runs(
    *,
    tag: str | Iterable[str] | None = None,
    status: str | None = None,
    search: str = "",
    sort: str = "created",
    settings: Settings | None = None,
) -> list[training.Run]:
    """List runs by what is known about them.

    Parameters
    ----------
    tag : str or iterable of str, optional
        Only those with this tag, or with all of these.
    status : str, optional
        Only those that are ``queued``, ``running``, ``finished``, ``stopped``, ``failed`` or ``lost`` now.
    search : str
        Only those with all of these words in id, note, tags, estimator, data source, target or reason; case doesn't
        matter.
    sort : str
        ``created`` (newest first), ``name``, ``status``, ``seconds`` (longest first), ``priority`` (highest first), or
        a metric (best on the test rows first; those without it last).

    Raises
    ------
    RunError
        If there is no such status or order.
    """
    if status is not None and status not in _STATUSES:
        raise RunError(f"Got the status {status!r}, needed one of {', '.join(_STATUSES)}. Correct it.")
    wanted = {tag} if isinstance(tag, str) else set(tag or ())
    words = search.casefold().split()
    found = training.runs(settings=settings)
    if status is not None:
        found = [run for run in found if run.status == status]
    if wanted:
        found = [run for run in found if wanted <= set(run.tags)]
    if words:
        found = [run for run in found if all(word in _text(run) for word in words)]
    return _sorted(found, sort)


def compare_specs(a: Any, b: Any) -> pl.DataFrame:
    """Show where two runs, or two RunSpecs, differ.

    Parameters
    ----------
    a, b : RunSpec, dict or Run

    Returns
    -------
    DataFrame
        ``path`` (such as ``estimator.params.max_depth`` or ``recipe[2].columns``), ``a`` and ``b``: the values as text,
        null where one has none. Defaults are filled in; steps of the recipe are compared with their counterpart.

    Raises
    ------
    SpecError
        If one isn't a RunSpec.

    Examples
    --------
    >>> spec = {"data": {"source": "iris", "target": "species"}, "estimator": {"name": "random_forest"}}
    >>> compare_specs(spec, spec | {"seed": 7}).to_dicts()
    [{'path': 'seed', 'a': '0', 'b': '7'}]
    """
    import polars as pl

    left, right = _document(a), _document(b)
    steps = list(_differing_steps(left.pop("recipe"), right.pop("recipe")))
    rows = [*_differing("", left, right), *steps]
    return pl.DataFrame(
        [(path, _shown(x), _shown(y)) for path, x, y in rows],
        schema={"path": pl.String, "a": pl.String, "b": pl.String},
        orient="row",
    )


def delete_run(run_id: str, *, settings: Settings | None = None) -> None:
    """Delete a run that has ended, with all its files; never one whose model is live.

    Raises
    ------
    RunNotFoundError
        If there is none of that id.
    RunError
        If it is still going on, or a version that was published from it is one that an alias points to.
    """
    settings = settings or current()
    training.delete_run(run_id, settings=settings, live=lambda run: live_models(run, settings=settings))


def live_models(run: training.Run | str, *, settings: Settings | None = None) -> list[str]:
    """List the versions published from a run that an alias points to, such as ``["churn/3 (champion)"]``."""
    from workbench.registry.origins import live_versions, manifest_digest

    settings = settings or current()
    opened = training.open_run(run, settings=settings) if isinstance(run, str) else run
    earlier = storage.read_json_lines(opened.folder / PACKAGES)[0]
    digests = {manifest_digest(opened.package_folder), *(line.get("manifest") for line in earlier)}
    return live_versions({digest for digest in digests if digest}, settings=settings)


def _text(run: training.Run) -> str:
    about, state = run.about, run.state
    parts = [run.id, about.note, *about.tags, state.reason or ""]
    try:
        spec = run.spec
        parts += [run.estimator, spec.data.source, run.data_name, spec.data.target]
    except WorkbenchError:
        pass  # a damaged run is found by its id
    return " ".join(parts).casefold()


def _sorted(found: list[training.Run], sort: str) -> list[training.Run]:
    if sort == "created":  # as they come
        return found
    if sort == "name":
        return sorted(found, key=lambda run: run.name.casefold())
    if sort == "status":
        return sorted(found, key=lambda run: _STATUSES.index(run.status))
    if sort == "seconds":
        return sorted(found, key=lambda run: -run.seconds)
    if sort == "priority":
        return sorted(found, key=lambda run: -run.priority)
    return _sorted_by_metric(found, sort)


def _sorted_by_metric(found: list[training.Run], sort: str) -> list[training.Run]:
    from workbench.evaluation.metrics import metrics_for

    known = {name: metric for task in ("classification", "regression") for name, metric in metrics_for(task).items()}
    if sort not in known:
        near = difflib.get_close_matches(sort, [*_SORTS, *known], n=1)
        advice = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join([*_SORTS, *known])}."
        raise RunError(f"Got the order {sort!r}, needed one that runs have. {advice}")
    sign = -1.0 if known[sort].better == "higher" else 1.0
    values = {run.id: _test_metric(run, sort) for run in found}
    return sorted(found, key=lambda run: (values[run.id] is None, sign * (values[run.id] or 0.0)))


def _test_metric(run: training.Run, name: str) -> float | None:
    try:
        value = run.metrics_so_far().get("test", {}).get(name)
    except WorkbenchError:
        return None
    return None if value is None else float(value)


def _document(spec: Any) -> dict[str, Any]:
    found = spec.spec if isinstance(spec, training.Run) else RunSpec.parse(spec)
    document: dict[str, Any] = found.model_dump(mode="json")
    try:
        from workbench.estimators.catalogue import check_params

        document["estimator"]["params"] = check_params(found.estimator.name, found.estimator.params)
    except WorkbenchError:
        pass  # an estimator of another machine's own file: what is given is compared
    return document


def _differing(path: str, a: Any, b: Any) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from _differing(f"{path}.{key}" if path else key, a.get(key), b.get(key))
    elif a != b:
        yield path, a, b


def _differing_steps(a: list[Any], b: list[Any]) -> Iterable[tuple[str, Any, Any]]:
    matcher = difflib.SequenceMatcher(None, [_shown(step) for step in a], [_shown(step) for step in b], autojunk=False)
    for kind, a0, a1, b0, b1 in matcher.get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(a1 - a0, b1 - b0)):
            left = a[a0 + offset] if a0 + offset < a1 else None
            right = b[b0 + offset] if b0 + offset < b1 else None
            place = (b0 if right is not None else a0) + offset
            if left and right and left["step"] == right["step"]:
                yield from _differing(f"recipe[{place}]", left, right)
            else:
                yield f"recipe[{place}]", left, right


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return storage.to_json(value)
