"""Where trials are measured: folds of several trials at once, one thread a core, each fit on one."""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from workbench.errors import WorkbenchError
from workbench.estimators.catalogue import entry as find_entry
from workbench.estimators.native import NativeModel
from workbench.estimators.spec import EstimatorSpec
from workbench.training.hardware import usable_cores
from workbench.training.progress import Progress
from workbench.training.searching.arms import Arm
from workbench.training.searching.clock import Clock
from workbench.training.searching.fitting import begin_fit
from workbench.training.searching.fold_fit import BehindError, CancelledError, FoldFit
from workbench.training.searching.ground import Ground
from workbench.training.searching.scoring import Scorer


@dataclass(frozen=True)
class Task:
    """One fold of an arm, up to a number of trees or rounds (0 where there is none)."""

    arm: Arm = field(repr=False)
    fold: int
    stages: tuple[int, ...]
    n_rows: int = 0


class Arena:
    """Measures arms on the folds of a ground.

    Parameters
    ----------
    ground : Ground
    scorer : Scorer
    progress : Progress
    clock : Clock
        Tells whether the search is over, and a trial too slow.
    keeps_models : bool
        Whether models of the first fold are asked for later.
    """

    def __init__(
        self,
        ground: Ground,
        scorer: Scorer,
        progress: Progress,
        clock: Clock,
        *,
        keeps_models: bool = False,
    ) -> None:
        self.ground, self.scorer, self.clock = ground, scorer, clock
        self._progress, self._keeps_models = progress, keeps_models
        self._fits: dict[tuple[int, int, int], FoldFit] = {}
        self._began: dict[tuple[int, int], float] = {}  # of fits that go on now
        self._cores = usable_cores()
        self._lock = threading.Lock()
        self.curves: list[list[float]] = []

    def cancelled(self) -> bool:
        """Tell whether the search is over: stopped, or out of time."""
        return self.clock.is_over()

    def run(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Measure; yield each task, stage by stage, when it is done. An arm of which a fold fails gets "failed".

        Tasks of an arm that has ended are passed over, and all are when the search is over.
        """
        if not tasks:
            return
        if any(find_entry(task.arm.estimator).engine == "keras" for task in tasks):
            for task in tasks:  # TensorFlow uses all cores for one network
                yield self._measure(task, self._cores)
            return
        n_workers = min(self._cores, len(tasks))
        n_jobs = max(1, self._cores // len(tasks))
        with quietly(), ThreadPoolExecutor(n_workers, "search", initializer=_settle, initargs=(n_jobs,)) as pool:
            chains = [deque(_steps(task)) for task in tasks]
            waiting: dict[Future[Task], deque[Task]] = {}

            def go_on(chain: deque[Task]) -> None:
                if chain:
                    waiting[pool.submit(self._measure, chain.popleft(), n_jobs)] = chain

            for chain in chains:
                go_on(chain)
            while waiting:
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    go_on(waiting.pop(done))  # of one fit, so that it never runs in two threads
                    self._progress.touch()
                    yield done.result()

    def model(self, arm: Arm, fold: int = 0) -> NativeModel | None:
        """Give the model of an arm's fold, where it was kept."""
        found = self._fits.get((arm.index, fold, 0))
        return found.model() if found else None

    def leave(self, arm: Arm) -> None:
        """Let go of what was kept of an arm."""
        for key in [key for key in self._fits if key[0] == arm.index]:
            del self._fits[key]

    def _measure(self, task: Task, n_jobs: int) -> Task:
        arm = task.arm
        if arm.status is not None or self.cancelled():
            return task
        if self._ends_slow(arm):
            return task
        self._began[arm.index, task.fold] = time.monotonic()
        try:
            fit = self._fit(task, n_jobs)
            for stage in task.stages:
                before = fit.seconds
                try:
                    value = fit.advance(stage)
                    if value is None:  # it ended before, so that no fold need go so far
                        arm.stages = tuple(each for each in arm.stages if each < stage)
                        break
                    arm.scores.setdefault(stage, {})[task.fold] = value
                finally:
                    with self._lock:  # a sum of several threads
                        arm.seconds[stage] = arm.seconds.get(stage, 0.0) + fit.seconds - before
                    if task.fold == 0:
                        arm.curve = fit.curve
        except CancelledError:
            self._ends_slow(arm)
        except BehindError as behind:
            arm.scores.setdefault(stage, {})[task.fold] = behind.value
            arm.status, arm.reason = "pruned", f"Ended on fold {task.fold + 1}: {behind}."
        except Exception as error:  # one trial that fails mustn't end the search
            arm.status, arm.reason = "failed", _reason(error)
        finally:
            del self._began[arm.index, task.fold]
        return task

    def _ends_slow(self, arm: Arm) -> bool:
        """End an arm that took more time than it may; tell whether it did."""
        ends = self._is_slow(arm) and not self.cancelled()
        if ends:
            arm.status, arm.reason = "pruned", self.clock.slow_words()
        return ends

    def _is_slow(self, arm: Arm) -> bool:
        now = time.monotonic()
        with self._lock:
            spent = sum(arm.seconds.values())
        going_on = [now - began for (index, _), began in [*self._began.items()] if index == arm.index]
        return self.clock.is_slow(spent + sum(going_on))

    def _fit(self, task: Task, n_jobs: int) -> FoldFit:
        arm = task.arm
        key = (arm.index, task.fold, task.n_rows)
        if key not in self._fits:
            estimator = EstimatorSpec(name=arm.estimator, params=_parameters(arm))
            rows = self.ground.rows(task.fold, estimator, arm.recipe, task.n_rows)
            self._progress.touch()
            self._fits[key] = begin_fit(
                rows,
                arm.config,
                [stage for stage in arm.stages if stage],
                nested=arm.nested,
                scorer=self.scorer,
                cancelled=lambda: self.cancelled() or self._is_slow(arm),
                n_jobs=n_jobs,
                fixed=arm.fixed,
                others=self.curves if task.fold == 0 else (),
                progress=self._progress,
                keep_model=self._keeps_models and task.fold == 0,
                ends=not arm.listed,
            )
        return self._fits[key]


def _steps(task: Task) -> list[Task]:
    """Divide what grows into its stages, so that folds advance side by side and no core is idle at the end."""
    if find_entry(task.arm.estimator).progress != "trees":
        return [task]
    return [replace(task, stages=(stage,)) for stage in task.stages]


def _parameters(arm: Arm) -> dict[str, object]:
    searched = {name: value for name, value in arm.config.items() if not name.startswith("training.")}
    return {**arm.fixed, **searched}


def _reason(error: Exception) -> str:
    if isinstance(error, WorkbenchError):
        return str(error)
    if isinstance(error, MemoryError):
        return "Memory ran out. Use fewer rows or columns, or smaller models."
    return f"{type(error).__name__}: {error}"


def _settle(n_threads: int) -> None:
    """Keep a thread's own fits on its share of the cores: teams of threads in each would compete for them."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=n_threads, user_api="openmp")  # of this thread alone


@contextmanager
def quietly() -> Iterator[None]:
    """Let no warning of a trial through, and keep linear algebra on one core for each of the threads.

    Filters are those of the process: set here, around all threads, since a thread of its own can't change them safely.
    scikit-learn does so nevertheless around each tree, so that filters are away for moments: what shows warnings is
    silenced, too.
    """
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("ignore")
        warnings.showwarning = lambda *unused, **unused_too: None
        yield
