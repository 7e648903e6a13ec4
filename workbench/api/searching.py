"""Searches for notebooks and scripts: how long one will take, before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.settings import Settings
from workbench.training.searching.estimating import Estimate as Estimate

if TYPE_CHECKING:
    from workbench.training.spec import RunSpec


def estimate(spec: RunSpec | dict[str, Any], *, settings: Settings | None = None) -> Estimate:
    """Estimate how long a run takes, with its search where it has one, from a few small fits.

    Returns
    -------
    Estimate
        ``seconds``, ``fit_seconds``, ``n_fits`` and ``words``.

    Raises
    ------
    WorkbenchError
        Whatever the run itself would refuse.
    """
    from workbench.training.searching import estimate

    return estimate(spec, settings=settings)
