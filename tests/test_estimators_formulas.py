"""Formulas for learners: in step with the choices, drawable by KaTeX, and in the documentation."""

import re
import runpy
from pathlib import Path
from typing import get_args

import pytest

from workbench.estimators import catalogue
from workbench.estimators.formulas import (
    DESCENT,
    LOSS_FORMULAS,
    OPTIMIZER_FORMULAS,
    SCHEDULE_FORMULAS,
    formulas_for,
    grouped_formulas,
)
from workbench.estimators.losses import LOSSES
from workbench.estimators.spec import Loss, Optimizer, Schedule, TrainingSpec

ROOT = Path(__file__).resolve().parent.parent
ALL = [each for found in grouped_formulas().values() for each in found]

# All of these are in KaTeX's table of supported functions.
KATEX = set(
    "alpha beta delta epsilon eta lambda mu rho sigma theta pi ell phi varphi gamma xi nabla partial infty sum prod "
    "frac tfrac dfrac sqrt log exp cos cosh max min arg hat bar overline tilde left right big Big bigl bigr Bigl Bigr "
    "lVert rVert lvert rvert mid lfloor rfloor lceil rceil langle rangle leftarrow to sim in le ge ne leq geq neq "
    "approx propto pm odot cup cap forall cdot times dots ldots cdots top quad qquad text mathrm operatorname mathbb "
    "mathbf begin end".split()
)
SPACING = {"\\,", "\\;", "\\ ", "\\\\", "\\{", "\\}", "\\!", "\\:"}


def check_latex(latex):
    """Refuse what KaTeX would draw in red: unknown commands, and braces or pairs that don't close."""
    for command in re.findall(r"\\(?:[a-zA-Z]+|.)", latex):
        assert command[1:] in KATEX or command in SPACING, f"{command} in {latex}"
    assert "$" not in latex
    assert latex.isascii(), latex
    plain = re.sub(r"\\[{}]", "", latex)
    depth = 0
    for sign in plain:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0, latex
    assert depth == 0, latex
    for one, other in (("left", "right"), ("begin", "end")):
        found = [len(re.findall(rf"\\{word}(?![a-zA-Z])", latex)) for word in (one, other)]
        assert found[0] == found[1], latex
    assert not re.search(r"\\(frac|sqrt|hat|text|mathrm)\s*$", latex), latex
    assert not re.search(r"[\^_]\s*($|[}\^_])", latex), latex
    without_text = re.sub(r"\\text\{[^}]*\}", "", latex)
    # A second index on the same sign is an error in TeX.
    assert not re.search(r"(_\{[^{}]*\}|_\w)\s*_", without_text), latex


@pytest.mark.parametrize("formula", ALL, ids=lambda formula: formula.title)
def test_each_formula_is_drawable_and_has_words(formula):
    check_latex(formula.latex)
    assert formula.words.endswith(".")
    assert 20 < len(formula.words) < 260


@pytest.mark.parametrize("name", [name for name, found in catalogue().items() if found.formula])
def test_the_formula_of_each_estimator_is_drawable(name):
    check_latex(catalogue()[name].formula)


@pytest.mark.parametrize("latex", [r"\frac{1}{2", r"\unknown x", r"\left( x", r"x_", r"a_1_2", r"\eta é"])
def test_the_check_finds_what_is_not_drawable(latex):
    with pytest.raises(AssertionError):
        check_latex(latex)


def test_every_choice_has_its_formula():
    assert set(LOSS_FORMULAS) == set(get_args(Loss)) - {"auto"} == {name for found in LOSSES.values() for name in found}
    assert set(OPTIMIZER_FORMULAS) == set(get_args(Optimizer))
    assert set(SCHEDULE_FORMULAS) == set(get_args(Schedule.model_fields["kind"].annotation))
    assert {"dense_network", "residual_dense_network"} <= {n for n, found in catalogue().items() if found.formula}


def titles(name, training, task="classification", params=None):
    return [each.title for each in formulas_for(catalogue()[name], TrainingSpec(**training), task, params)]


def test_a_network_shows_its_loss_its_optimizer_and_what_curbs_it():
    shown = titles("dense_network", {}, params={"dropout": 0.1, "l1": 0.0, "l2": 0.0})
    assert shown == ["Loss: cross-entropy", DESCENT.title, "Optimizer: Adam", "Epochs and batches", "Dropout"]
    assert "L1 penalty" in titles("dense_network", {})


def test_every_option_that_is_switched_on_is_shown():
    training = {
        "loss": "focal", "label_smoothing": 0.1, "optimizer": "lion", "weight_decay": 0.01, "clip_norm": 1.0,
        "schedule": {"kind": "cosine", "warmup_epochs": 2}, "reduce_lr_on_plateau": {}, "early_stopping": {},
    }  # fmt: skip
    shown = titles("dense_network", training, params={"class_weight": "balanced"})
    assert shown == [
        "Loss: focal", "Label smoothing", "Gradient descent", "Optimizer: Lion", "Weight decay", "Gradient clipping",
        "Epochs and batches", "Learning rate: cosine", "Warm-up", "Lower on a plateau", "Early stopping",
        "Class weights",
    ]  # fmt: skip


def test_a_forest_has_nothing_of_networks_and_boosting_may_stop_early():
    training = {"optimizer": "lion", "early_stopping": {}}
    assert titles("random_forest", training) == []
    assert titles("hist_gradient_boosting", training) == ["Early stopping"]


def test_a_choice_that_does_not_fit_shows_the_rest():
    assert titles("dense_network", {"loss": "huber"})[0] == "Gradient descent"
    assert titles("dense_network", {"label_smoothing": 0.1}, "regression")[0] == "Loss: squared error"


def test_the_documentation_is_in_step_with_the_formulas():
    maker = runpy.run_path(str(ROOT / "tools" / "make_formulas.py"))
    page = maker["PAGE"].read_text(encoding="utf-8")
    assert maker["with_formulas"](page) == page, "run: python tools/make_formulas.py"
