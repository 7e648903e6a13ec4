"""What makes a model worse than its score, found before anything is trained: coded checks with remedies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from workbench.data.spec import SplitSpec, Task
from workbench.recipe import checks_of_columns, checks_of_split, checks_of_target
from workbench.recipe.check_list import CHECKS as CHECKS
from workbench.recipe.check_list import Check as Check
from workbench.recipe.check_list import CheckInfo as CheckInfo
from workbench.recipe.check_list import Remedy as Remedy
from workbench.recipe.examined import Examined, examine
from workbench.recipe.remedies import apply_remedy as apply_remedy
from workbench.recipe.spec import Step
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.data.table import Table

_GRAVITY = {"error": 0, "warning": 1, "info": 2}
_LOOKS: tuple[Callable[[Examined], Iterator[Check]], ...] = (
    checks_of_target.leaks,
    checks_of_target.computed_target,
    checks_of_target.predicts_alone,
    checks_of_target.made_from,
    checks_of_columns.identifiers,
    checks_of_split.duplicates,
    checks_of_split.time_order,
    checks_of_split.missing_class,
    checks_of_target.target_missing,
    checks_of_target.label_variants,
    checks_of_target.uneven_classes,
    checks_of_columns.constant,
    checks_of_columns.equal_columns,
    checks_of_columns.many_categories,
    checks_of_columns.dates_as_text,
    checks_of_columns.mixed_types,
    checks_of_columns.long_tails,
    checks_of_columns.codes,
    checks_of_columns.rounded,
    checks_of_columns.written_variants,
)


def check_data(
    table: Table,
    *,
    target: str,
    task: Task | None = None,
    steps: Sequence[Step] = (),
    split: SplitSpec | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> list[Check]:
    """Look for what makes a model worse than its score, in the rows as the recipe leaves them.

    Tables of up to 50,000 rows are looked at whole; of larger ones figures of whole columns come from the profile, and
    the rest from a sample of 10,000 rows, which the messages state.

    Parameters
    ----------
    table : Table
    target : str
    task : {"classification", "regression"}, optional
        The one that suits the target when absent.
    steps : sequence of Step
        What they mend isn't reported.
    split : SplitSpec, optional
    seed : int
        Of the split.
    settings : Settings, optional

    Returns
    -------
    list of Check
        The gravest first.

    Raises
    ------
    TargetError
        If there is no such target.

    Examples
    --------
    >>> from workbench.data import sample
    >>> [(check.code, check.columns) for check in check_data(sample("titanic"), target="survived")][:1]
    [('WB101', ('boat',))]
    """
    seen = examine(table, target=target, task=task, steps=steps, split=split or SplitSpec(), seed=seed)
    found = [check for look in _LOOKS for check in look(seen)]
    return sorted(found, key=lambda check: (_GRAVITY[check.severity], check.code))
