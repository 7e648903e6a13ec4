"""Try everything sensible: each estimator of the catalogue with its defaults, then a closer search of the best few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from workbench.data.spec import Task
from workbench.errors import SpecError, WorkbenchError
from workbench.estimators.catalogue import catalogue, estimators_for
from workbench.estimators.entry import EstimatorEntry, Takes
from workbench.estimators.image_forms import entry_taking
from workbench.estimators.spec import EstimatorSpec
from workbench.training.search_spec import SearchSpec
from workbench.training.searching.arena import Arena
from workbench.training.searching.arena import Task as FoldTask
from workbench.training.searching.arms import Arm, remember
from workbench.training.searching.asking import make_space
from workbench.training.searching.contest import Contest
from workbench.training.searching.costs import measure_costs
from workbench.training.searching.endings import ending_for, with_ending
from workbench.training.searching.plan import Plan
from workbench.training.searching.proposing import TpeProposer, defaults_of
from workbench.training.searching.record import Record
from workbench.training.searching.space import Space

_SEARCHED = 3  # estimators that are searched after all have been tried
_FIRST, _LAST = ("baseline",), ("epochs",)  # the yardstick first; networks last, since they take longest to begin


def sensible_estimators(
    task: Task, n_rows: int, names: Sequence[str] = (), *, takes: Takes = "table"
) -> list[EstimatorEntry]:
    """Give the estimators worth trying on so many training rows, quickest first.

    Parameters
    ----------
    task : {"classification", "regression"}
    n_rows : int
    names : sequence of str
        Only these; all sensible ones when empty.
    takes : {"table", "image"}

    Raises
    ------
    SpecError
        If one of the names learns from something else.

    Examples
    --------
    >>> "random_forest" in [entry.name for entry in sensible_estimators("classification", 1000)]
    True
    """
    if names:
        check_estimators(names, None, takes=takes)
        return [entry_taking(takes, name) for name in dict.fromkeys(names)]
    found = [
        entry
        for entry in estimators_for(task, takes=takes)
        if (entry.sensible or entry.name in _FIRST) and (entry.max_rows is None or n_rows <= entry.max_rows)
    ]
    return sorted(found, key=lambda entry: (entry.name not in _FIRST, entry.progress in _LAST))


def check_estimators(names: Sequence[str], task: Task | None, *, takes: Takes) -> None:
    """Refuse names that the catalogue hasn't, or that can't learn the task from a table, or from images.

    Raises
    ------
    EstimatorError, SpecError
    """
    for name in names:
        entry = entry_taking(takes, name)
        if not _fits(entry, task, takes):
            known = [entry_taking(takes, each) for each in catalogue()]
            there = ", ".join(each.name for each in known if _fits(each, task, takes))
            raise SpecError(
                f"Got {name!r} among search.estimators, needed ones for {task or 'classes or numbers'} from "
                f"{'images' if takes == 'image' else 'a table'}: {there}. Correct the list."
            )


def _fits(entry: EstimatorEntry, task: Task | None, takes: Takes) -> bool:
    supervised = bool({"classification", "regression"} & set(entry.tasks))
    return entry.takes == takes and (supervised if task is None else task in entry.tasks)


class Everything:
    """Tries estimators with their defaults, and searches the best of them with what is left.

    Parameters
    ----------
    search : SearchSpec
    arena : Arena
        It keeps models of the first fold.
    record : Record
    seed : int
    on_batch : callable, optional
    """

    def __init__(
        self,
        search: SearchSpec,
        arena: Arena,
        record: Record,
        *,
        seed: int,
        on_batch: Callable[[], object] | None = None,
    ) -> None:
        self._search, self._arena, self._record, self._seed = search, arena, record, seed
        self._on_batch = on_batch
        self._prepared = arena.ground.prepared
        n_rows = arena.ground.n_train_rows
        self._takes = self._prepared.entry.takes
        self._entries = sensible_estimators(self._prepared.task, n_rows, search.estimators, takes=self._takes)
        self.arms: list[Arm] = []

    def run(self) -> None:
        """Go on from what is recorded to the end."""
        recorded = {trial.arm: trial for trial in self._record.trials.values()}
        for index, entry in enumerate(self._entries[: self._search.n_trials]):
            if self._arena.cancelled():
                return
            arm = self._arm(index, entry)
            if index in recorded:
                arm = remember(arm, [recorded[index]])
            elif arm.status is None:
                self._try(arm)
            if arm.status is not None:
                self._record.add(arm.trials(self._arena.ground.n_folds, self._arena.scorer.sign))
            self.arms.append(arm)
            self._arena.leave(arm)
            if self._on_batch is not None:
                self._on_batch()
        self._search_best()

    def left_out(self) -> dict[str, str]:
        """Name the estimators of the task that weren't tried, each with the reason."""
        n_rows, tried = self._arena.ground.n_train_rows, {arm.estimator for arm in self.arms}
        planned = [entry.name for entry in self._entries]
        found = {}
        for entry in estimators_for(self._prepared.task, takes=self._takes):
            if entry.name in tried or self._search.estimators:
                continue
            if entry.name in planned[: self._search.n_trials]:
                found[entry.name] = "the time was up before"
            elif entry.name in planned:
                found[entry.name] = f"{self._search.n_trials} trials don't reach so far"
            elif entry.max_rows is not None and n_rows > entry.max_rows:
                found[entry.name] = f"for {entry.max_rows:,} rows at most"
            else:
                found[entry.name] = "tried only where search.estimators names it"
        return found

    def _arm(self, index: int, entry: EstimatorEntry) -> Arm:
        arm = Arm(index, entry.name, {}, number=index + 1, fixed=self._fixed(entry.name))
        if self._prepared.task not in entry.tasks:
            arm.status, arm.reason = "failed", f"{entry.title} isn't for {self._prepared.task}."
            return arm
        try:
            ending = () if self._takes == "image" else ending_for(self._prepared, entry)
        except WorkbenchError as error:
            arm.status, arm.reason = "failed", str(error)
            return arm
        return replace(arm, ending=ending, recipe=with_ending(self._prepared.spec.recipe, ending) if ending else None)

    def _fixed(self, name: str) -> dict[str, object]:
        given = self._prepared.spec.estimator
        return dict(given.params) if given.name == name else {}

    def _try(self, arm: Arm) -> None:
        tasks = [FoldTask(arm, fold, arm.stages) for fold in range(self._arena.ground.n_folds)]
        for _ in self._arena.run(tasks):
            pass
        if arm.status is None and len(arm.values(0)) == self._arena.ground.n_folds:
            arm.status = "finished"
            self._measure_costs(arm)

    def _measure_costs(self, arm: Arm) -> None:
        model = self._arena.model(arm)
        if model is None:
            return
        try:
            rows = self._arena.ground.rows(0, EstimatorSpec(name=arm.estimator, params=dict(arm.fixed)), arm.recipe)
            found = measure_costs(rows, model)
        except Exception:  # the trial counts, whatever can't be said of its cost
            return
        arm.latency_ms, arm.latency_by, arm.size_mib = found["latency_ms"], found["latency_by"], found["size_mib"]

    def _search_best(self) -> None:
        sign = self._arena.scorer.sign
        measured = [arm for arm in self.arms if arm.status == "finished" and arm.estimator not in _FIRST]
        measured.sort(key=lambda arm: (-sign * (arm.mean(0) or 0.0), arm.index))
        contests = {
            arm.estimator: contest for arm in measured[:_SEARCHED] if (contest := self._contest(arm)) is not None
        }
        turn = 0
        while contests and not self._arena.cancelled():
            left = self._search.n_trials - len(self.arms)
            if left <= 0:
                return
            name = self._turn(turn, list(contests))
            contest = contests[name]
            contest.rivals = [arm for arm in self.arms if arm.estimator != name]
            batch = contest.step(len(self.arms), len(self.arms) + 1, left)
            self.arms += batch
            if not batch:
                del contests[name]
            turn += 1

    def _contest(self, arm: Arm) -> Contest | None:
        entry = entry_taking(self._takes, arm.estimator)
        wanted = SearchSpec(method="optuna")
        try:
            space = make_space(entry, wanted, fixed=arm.fixed, task=self._prepared.task)
        except WorkbenchError:
            return None  # nothing to search
        if space.nested is not None and space.nested.values:  # a trial at a time, so that the others have their turn
            space = Space(space.all)
        plan = Plan(
            space, arm.estimator, self._search.n_trials, self._search.prune, dict(arm.fixed), arm.recipe, arm.ending
        )
        defaults = defaults_of(entry, self._prepared.spec.training)
        proposer = TpeProposer(space, seed=self._seed, defaults=defaults, sign=self._arena.scorer.sign)
        contest = Contest(plan, proposer, self._arena, self._record, self._on_batch)
        # The defaults were tried: the search learns from them, and proposes neither them nor the point next to them.
        contest.arms = [replace(arm, config=space.point(lambda each: each.nearest(defaults[each.name])))]
        return contest

    def _turn(self, turn: int, names: list[str]) -> str:
        """Let the estimator that leads have every second batch; the others share the rest."""
        sign = self._arena.scorer.sign
        finished = [arm for arm in self.arms if arm.status == "finished" and arm.estimator in names]
        leader = max(finished, key=lambda arm: (sign * (arm.mean(arm.best_stage(sign)) or 0.0), -arm.index)).estimator
        others = [name for name in names if name != leader]
        return leader if turn % 2 == 0 or not others else others[turn // 2 % len(others)]
