"""Which class carries out which learned step: the one place to register a new one."""

from __future__ import annotations

from workbench.recipe.encoding_steps import FittedOneHot, FittedOrdinal
from workbench.recipe.fitted_step import FittedStep
from workbench.recipe.imputing import FittedImpute
from workbench.recipe.scaling import FittedMinMax, FittedStandardize

FITTED_STEPS: dict[str, type[FittedStep]] = {
    family.name: family for family in (FittedImpute, FittedOneHot, FittedOrdinal, FittedStandardize, FittedMinMax)
}
