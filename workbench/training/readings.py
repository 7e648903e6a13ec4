"""What a run has told so far: curves, hardware, layers, trials, energy and its log. A look reads what is new only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.training import state as files
from workbench.training.state import RunState

if TYPE_CHECKING:
    import polars as pl

    from workbench.training.energy import Energy
    from workbench.training.logs import Level
    from workbench.training.spec import RunSpec

_LOG_BYTES = 512 * 1024


class Readings:
    """What lies in the folder of a run, as frames and text."""

    folder: Path

    if TYPE_CHECKING:

        @property
        def state(self) -> RunState:
            """What it is doing now."""

        @property
        def spec(self) -> RunSpec:
            """What it executes."""

    def history(self) -> pl.DataFrame:
        """Give the curves so far.

        Returns
        -------
        DataFrame
            `time` (Unix seconds), `step` (optimizer steps, trees or rounds), `epoch` (fractional inside an epoch; equal
            to `step` for loops without epochs) and a column for each metric: `loss`, `val_loss`, `accuracy`, ...
        """
        from workbench.training.history import history_frame
        from workbench.training.tailing import tail

        return tail(self.folder / files.HISTORY, history_frame)

    def history_since(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Give the points after a position, as plain rows, and the position to go on from."""
        from workbench.training.history import history_since

        return history_since(self.folder, position)

    def hardware(self) -> pl.DataFrame:
        """Give the hardware samples so far, one row a sample; columns as in `history.hardware_frame`."""
        from workbench.training.history import hardware_frame
        from workbench.training.tailing import tail

        return tail(self.folder / files.HARDWARE, hardware_frame)

    def layers(self) -> pl.DataFrame:
        """Give what a network saw of its layers so far, one row per look and layer; columns as in `layers_frame`."""
        from workbench.training.history import layers_frame
        from workbench.training.tailing import tail

        return tail(self.folder / files.LAYERS, layers_frame)

    def hardware_since(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Give the samples after a position, as plain rows, and the position to go on from."""
        from workbench.training.history import hardware_since

        return hardware_since(self.folder, position)

    @property
    def energy(self) -> Energy:
        """What it has drawn so far, GPUs and processors, and what that stands for in words."""
        from workbench.training.energy import Energy, read_energy

        state = self.state
        stored = state.energy if state.has_ended else None
        return Energy.from_dict(stored) if stored else read_energy(self.folder)

    def trials(self) -> pl.DataFrame:
        """Give the trials of its search so far, in order; none where it has no search.

        Returns
        -------
        DataFrame
            ``number``, ``estimator``, ``status`` ("finished", "pruned" or "failed"), ``value`` (mean of the metric over
            the folds that were measured), ``std``, ``best`` (so far), ``seconds``, ``folds``, a column for each
            searched parameter, ``reason``.
        """
        from workbench.training.searching import read_trials, trials_frame

        return trials_frame(read_trials(self.folder))

    def leaderboard(self) -> pl.DataFrame:
        """Give the trials of its search best first, or the best of each estimator where it tried everything.

        Returns
        -------
        DataFrame
            ``rank``, ``estimator``, ``value``, ``std``, ``status``, ``seconds``, ``latency_ms``, ``latency_by``,
            ``size_mib``, ``n_trials``, ``number``, ``parameters``, ``reason``; see `searching.leaderboard_frame`.
        """
        from workbench.training.searching import leaderboard_frame, read_trials

        search = self.spec.search
        by_estimator = search is not None and search.method == "everything"
        return leaderboard_frame(read_trials(self.folder), by_estimator=by_estimator)

    def log(self, tail: int = 200, *, level: Level | None = None) -> str:
        """Give the last lines of its log, each ``HH:MM:SS LEVEL message``.

        Parameters
        ----------
        tail : int
            So many lines at most.
        level : {"debug", "info", "warning", "error"}, optional
            Only those of this level and above.

        Raises
        ------
        RunError
            If there is no such level.
        """
        try:
            with (self.folder / files.LOG).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LOG_BYTES))
                lines = file.read().decode("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        if level is not None:
            from workbench.training.logs import lines_of_level

            lines = lines_of_level(lines, level)
        return "\n".join(lines[-tail:]) if tail > 0 else ""
