"""Which class carries out which learned step: the one place to register a new one."""

from __future__ import annotations

from workbench.recipe.binning import FittedBins
from workbench.recipe.categories import FittedCappedOneHot, FittedMergeRare
from workbench.recipe.encoding_steps import FittedOneHot, FittedOrdinal
from workbench.recipe.fitted_step import FittedStep
from workbench.recipe.hashing import FittedHashing
from workbench.recipe.imputing import FittedImpute
from workbench.recipe.neighbors import FittedNeighbors
from workbench.recipe.projecting import FittedPca
from workbench.recipe.quantiles import FittedQuantileTransform
from workbench.recipe.reshaping import FittedClip, FittedLog, FittedPower
from workbench.recipe.scaling import FittedMinMax, FittedRobust, FittedStandardize
from workbench.recipe.selecting import FittedSelectBest
from workbench.recipe.target_encoding import FittedTargetEncode
from workbench.recipe.text_terms import FittedTfIdf

# By name. Two steps have a second class for one of their ways, which they choose themselves when they are fitted.
FITTED_STEPS: dict[str, type[FittedStep]] = {
    family.name: family
    for family in (
        FittedImpute,
        FittedNeighbors,
        FittedClip,
        FittedLog,
        FittedPower,
        FittedBins,
        FittedStandardize,
        FittedMinMax,
        FittedRobust,
        FittedQuantileTransform,
        FittedMergeRare,
        FittedOneHot,
        FittedCappedOneHot,
        FittedOrdinal,
        FittedTargetEncode,
        FittedHashing,
        FittedTfIdf,
        FittedSelectBest,
        FittedPca,
    )
}
