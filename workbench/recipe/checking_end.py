"""What must be left of a table's columns at the end of a recipe: numbers, complete where the estimator asks for it."""

from __future__ import annotations

from workbench.errors import RecipeError
from workbench.recipe.checking_state import State
from workbench.recipe.fitted_step import listed

_STILL: dict[str, tuple[str, str]] = {
    "datetime": ("still holds dates", "Add date_parts, or leave it out"),
    "image": ("holds images", "Choose an estimator for images (small_convnet), or leave it out"),
    "string": (
        "is still text",
        "Add one_hot or ordinal for few categories, target_encode or hashing for many, tf_idf for free text, "
        "or leave it out",
    ),
}
# What predicts and takes missing values. The catalogue, which lies above, says the same of each; a test compares them.
TAKE_MISSING = ("hist_gradient_boosting", "random_forest", "extra_trees", "decision_tree")


def check_end(remaining: list[State], *, handles_missing: bool) -> None:
    """Refuse columns that no estimator can take, and missing values where this one takes none.

    Raises
    ------
    RecipeError
        With the columns and the remedy.
    """
    for type_, (finding, remedy) in _STILL.items():
        names = [state.name for state in remaining if state.type == type_]
        if names:
            raise RecipeError(
                f"Column {listed(names)} {finding} at the end of the recipe, needed numbers. {remedy} "
                "with drop_columns."
            )
    missing = [state.name for state in remaining if state.n_missing and not state.filled]
    if missing and not handles_missing:
        raise RecipeError(
            f"Column {listed(missing)} has missing values, which this estimator can't take. Add an impute step, or "
            f"predict with an estimator that takes them: {', '.join(TAKE_MISSING[:-1])} or {TAKE_MISSING[-1]}."
        )
