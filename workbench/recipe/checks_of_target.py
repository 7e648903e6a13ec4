"""Checks of columns that know the answer, and of the target itself."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from workbench.data.alone import tell_alone
from workbench.data.formulas import formula_of
from workbench.data.leakage import find_leaks
from workbench.recipe.check_list import Check, Remedy, made, named
from workbench.recipe.examined import Examined
from workbench.recipe.made_target import target_sources
from workbench.recipe.spec import Balance, CleanText, DropColumns, DropMissing

_FAR_AHEAD = {"classification": (0.55, 0.05), "regression": (0.6, 0.2)}  # score alone, and how far above the next
_ONE_CLASS_ROWS = 30
_MAX_LABELS = 1_000


def leaks(seen: Examined) -> Iterator[Check]:
    """Columns that certainly give the target away (WB101)."""
    columns = seen.rows.select([*seen.others, seen.target])
    for name, reason in find_leaks(columns, seen.target, seen.task).items():
        yield made("WB101", (name,), f"{name} {reason}{seen.said}.", _leave_out(name))


def computed_target(seen: Examined) -> Iterator[Check]:
    """Two columns whose sum, difference or product is the target (WB102)."""
    found = formula_of(seen.rows.select([*seen.others, seen.target]), seen.target)
    if found is not None:
        message = f"{seen.target} is {found.text} in every row that has all three{seen.said}."
        yield made("WB102", found.columns, message, _leave_out(*found.columns))


def predicts_alone(seen: Examined) -> Iterator[Check]:
    """Find a column that tells far more than any other, or is filled in for one class only (WB103)."""
    columns = [name for name in seen.others if seen.kind(name) not in ("identifier", "constant", "image")]
    certain = set(find_leaks(seen.rows.select([*columns, seen.target]), seen.target, seen.task))
    columns = [name for name in columns if name not in certain]
    scores = tell_alone(seen.rows.select([*columns, seen.target]), seen.target, seen.task)
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    least, ahead = _FAR_AHEAD[seen.task]
    told = set()
    # The only column can't be left out, and a date that tells the target shows a trend: it is known beforehand.
    far_ahead = len(ranked) > 1 and ranked[0][1] >= least and ranked[0][1] - ranked[1][1] >= ahead
    if far_ahead and seen.kind(ranked[0][0]) != "datetime":
        name = ranked[0][0]
        told.add(name)
        yield made("WB103", (name,), f"{_alone(ranked, seen)}{seen.said}.", _leave_out(name))
    for name in columns:
        if name not in told and (label := _one_class(seen, name)):
            message = (
                f"{name} is filled in only where {seen.target} is {label}, in {_filled(seen, name):,} rows; it may be "
                f"known only afterwards{seen.said}."
            )
            yield made("WB103", (name,), message, _leave_out(name))


def made_from(seen: Examined) -> Iterator[Check]:
    """Features that come from what a made target comes from (WB105)."""
    names = tuple(seen.telling)
    if names:
        sources = target_sources(seen.raw, seen.steps, seen.target)
        known = {source for shared in seen.telling.values() for source in shared}
        stays = (
            "which stays"
            if names == sources
            else f"which {named(names)} still {'tells' if len(names) == 1 else 'tell'}"
        )
        message = f"{seen.target} is made from {named(sources)}, {stays}."
        yield made(
            "WB105", names, message, _leave_out(*names), severity="error" if known == set(sources) else "warning"
        )


def _alone(ranked: list[tuple[str, float]], seen: Examined) -> str:
    (name, score), *rest = ranked
    if seen.task == "regression":
        next_one = f"; the next best, {rest[0][0]}, {rest[0][1]:.0%}"
        return f"{name} alone explains {score:.0%} of the variance of {seen.target}{next_one}"
    next_one = f"; the next best, {rest[0][0]}, {(rest[0][1] + 1) / 2:.2f}"
    return f"{name} alone tells {seen.target} with an area under the ROC curve of {(score + 1) / 2:.2f}{next_one}"


def _filled(seen: Examined, name: str) -> int:
    return seen.rows.height - seen.rows[name].null_count()


def _one_class(seen: Examined, name: str) -> str | None:
    """Give the class that all rows with a value are of, where that can't be chance."""
    n_filled = _filled(seen, name)
    if seen.task != "classification" or not _ONE_CLASS_ROWS <= n_filled < seen.rows.height:
        return None
    answers = seen.rows.filter(pl.col(name).is_not_null())[seen.target].drop_nulls()
    if len(answers) < _ONE_CLASS_ROWS or answers.n_unique() != 1:
        return None
    share = float((seen.rows[seen.target] == answers[0]).mean() or 0.0)
    return repr(answers[0]) if share ** len(answers) < 1e-6 else None


def _leave_out(*names: str) -> Remedy:
    return Remedy(f"Leave {named(names)} out", (DropColumns(columns=names),))


def target_missing(seen: Examined) -> Iterator[Check]:
    """Rows without an answer (WB121)."""
    if seen.has("drop_missing") and not seen.rows[seen.target].null_count():
        return
    n_missing = seen.summaries[seen.target].column.n_missing
    if n_missing:
        remedy = Remedy("Drop rows without a target", (DropMissing(columns=(seen.target,)),))
        said = seen.said_of(seen.target)
        message = f"{seen.target} is missing in {n_missing:,} rows; they can neither train nor test{said}."
        yield made("WB121", (seen.target,), message, remedy)


def label_variants(seen: Examined) -> Iterator[Check]:
    """Labels that differ in spaces, capitals or a full stop only (WB122)."""
    values = seen.rows[seen.target]
    if seen.task != "classification" or values.dtype != pl.String:
        return
    found = variants(values)
    if found:
        message = f"{seen.target} writes one thing in several ways: {shown(found)}{seen.said}."
        yield made("WB122", (seen.target,), message, cleaning(seen.target, found))


def variants(values: pl.Series) -> list[list[str]]:
    """Give the groups of texts that differ in spaces, capitals or a full stop only."""
    texts = values.drop_nulls().unique().sort().alias("text")
    if len(texts) > _MAX_LABELS:
        return []
    plain = texts.str.replace_all(r"\s+", " ").str.replace(r"\s*\.+\s*$", "").str.strip_chars().str.to_lowercase()
    grouped = pl.DataFrame({"text": texts, "plain": plain}).filter(pl.col("plain") != "").group_by("plain").all()
    return sorted(texts for texts in grouped["text"].to_list() if len(texts) > 1)


def cleaning(column: str, found: list[list[str]]) -> Remedy:
    """Give the step that makes these groups one each, with no operation more than it takes."""
    operations = ["strip"]
    flat = [text for group in found for text in group]
    if any("  " in text.strip() or "\t" in text.strip() for text in flat):
        operations.append("collapse_spaces")
    if any(text.strip().endswith(".") for text in flat):
        operations.append("strip_full_stop")
    if any(len({text.strip().rstrip(".").strip() for text in group}) > 1 for group in found):
        operations.append("lower_case")
    step = CleanText(columns=(column,), operations=tuple(operations))
    return Remedy(f"Bring {column} to one form", (step,))


def shown(found: list[list[str]]) -> str:
    """List the first groups."""
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(" and ".join(repr(text) for text in group[:3]) for group in found[:3]) + more


def uneven_classes(seen: Examined) -> Iterator[Check]:
    """One class much rarer than the others (WB123)."""
    summary = seen.summaries[seen.target]
    n_classes = summary.column.n_unique
    if seen.task != "classification" or seen.has("balance") or not 2 <= n_classes <= len(summary.top):
        return
    n_known = sum(count for _, count in summary.top)
    label, n_least = summary.top[-1]
    if n_least < 0.3 * n_known / n_classes:
        message = (
            f"{n_least:,} of {n_known:,} rows ({n_least / n_known:.1%}) are of class {label!r} of {seen.target}; a "
            f"model that always says {summary.top[0][0]!r} is right in {summary.top[0][1] / n_known:.1%}."
        )
        yield made("WB123", (seen.target,), message, Remedy("Let rare classes weigh more", (Balance(),)))
