"""What a network minimizes, how it steps, and how its learning rate moves."""

import numpy as np
import pytest

from workbench.errors import EstimatorError, SpecError
from workbench.estimators import build_network, catalogue
from workbench.estimators.losses import LOSSES, build_loss, check_training, loss_of, loss_power
from workbench.estimators.optimizers import build_optimizer, decay_of
from workbench.estimators.schedules import RatePlan, lower_rate, planned_rate, rate_of
from workbench.estimators.spec import Schedule, TrainingSpec
from workbench.training import RunSpec, start


def loss_values(y, answers, *, task="classification", n_classes=2, **training):
    """Give the loss of each row, as Keras would compute it from a network's answers."""
    import keras

    found = build_loss(TrainingSpec(**training), task=task, n_classes=n_classes)
    function = keras.losses.get(found)
    answers = np.asarray(answers, dtype=np.float32)
    targets = np.asarray(y, dtype=np.float32 if n_classes == 2 or task == "regression" else np.int32)
    if answers.ndim == 1:
        answers, targets = answers[:, None], targets[:, None]
    return np.asarray(function(targets, answers)).reshape(-1)


P = np.array([0.9, 0.6, 0.2, 0.01])
Y = np.array([1, 0, 1, 0])
CHOSEN = np.where(Y == 1, P, 1 - P)
MANY = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]])
KIND = np.array([0, 1, 2])


def test_cross_entropy_is_what_its_formula_says():
    np.testing.assert_allclose(loss_values(Y, P), -np.log(CHOSEN), rtol=1e-5)
    np.testing.assert_allclose(loss_values(KIND, MANY, n_classes=3), -np.log(MANY[range(3), KIND]), rtol=1e-5)


def test_focal_loss_makes_light_of_what_is_already_right():
    expected = -((1 - CHOSEN) ** 2) * np.log(CHOSEN)
    np.testing.assert_allclose(loss_values(Y, P, loss="focal"), expected, rtol=1e-4)
    right = MANY[range(3), KIND]
    expected = -((1 - right) ** 2) * np.log(right)
    np.testing.assert_allclose(loss_values(KIND, MANY, n_classes=3, loss="focal"), expected, rtol=1e-4)


def test_smoothed_labels_give_every_class_a_share():
    target = Y * 0.8 + 0.1
    expected = -(target * np.log(P) + (1 - target) * np.log(1 - P))
    np.testing.assert_allclose(loss_values(Y, P, label_smoothing=0.2), expected, rtol=1e-4)
    target = np.eye(3)[KIND] * 0.7 + 0.1
    expected = -(target * np.log(MANY)).sum(axis=1)
    np.testing.assert_allclose(loss_values(KIND, MANY, n_classes=3, label_smoothing=0.3), expected, rtol=1e-4)
    smoothed_focal = -(target * (1 - MANY) ** 2 * np.log(MANY)).sum(axis=1)
    values = loss_values(KIND, MANY, n_classes=3, loss="focal", label_smoothing=0.3)
    np.testing.assert_allclose(values, smoothed_focal, rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("auto", [0.25, 4.0, 0.0]),
        ("squared_error", [0.25, 4.0, 0.0]),
        ("absolute_error", [0.5, 2.0, 0.0]),
        ("huber", [0.125, 1.5, 0.0]),
        ("log_cosh", [np.log(np.cosh(0.5)), np.log(np.cosh(2.0)), 0.0]),
    ],
)
def test_losses_of_numbers_are_what_their_formulas_say(loss, expected):
    values = loss_values([1.0, 1.0, 1.0], [1.5, -1.0, 1.0], task="regression", loss=loss)
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_a_sure_and_wrong_answer_has_a_finite_loss():
    for loss in LOSSES["classification"]:
        assert np.isfinite(loss_values([1, 0], [0.0, 1.0], loss=loss)).all()
        assert np.isfinite(loss_values([0, 1], [[0.0, 1.0, 0.0]] * 2, n_classes=3, loss=loss)).all()


def test_a_loss_for_numbers_is_refused_for_classes_and_the_other_way_round():
    with pytest.raises(EstimatorError, match=r"Got the loss huber for a classification, needed one of auto, cross_ent"):
        loss_of(TrainingSpec(loss="huber"), "classification")
    with pytest.raises(EstimatorError, match=r"Got the loss focal for a regression, needed one of auto, squared_error"):
        loss_of(TrainingSpec(loss="focal"), "regression")
    with pytest.raises(EstimatorError, match=r"Got label_smoothing 0.1 for a regression, needed classes"):
        loss_of(TrainingSpec(label_smoothing=0.1), "regression")


def test_a_forest_does_not_mind_the_loss_of_a_network():
    check_training(catalogue()["random_forest"], TrainingSpec(loss="huber"), "classification")
    check_training(catalogue()["dense_network"], TrainingSpec(loss="huber"), None)  # the data will tell
    with pytest.raises(EstimatorError, match="Got the loss huber"):
        check_training(catalogue()["dense_network"], TrainingSpec(loss="huber"), "classification")


def test_a_run_with_a_loss_that_does_not_fit_is_refused_before_it_starts(tmp_path):
    spec = RunSpec.parse(
        {
            "name": "wrong",
            "data": {"source": "titanic", "target": "survived", "task": "classification"},
            "estimator": {"name": "dense_network"},
            "training": {"loss": "squared_error"},
        }
    )
    with pytest.raises(EstimatorError, match="Choose one of them, or set the task"):
        start(spec)


def test_a_loss_returns_to_the_unit_of_the_target_with_its_own_power():
    assert {loss: loss_power(loss) for loss in LOSSES["regression"]} == {
        "squared_error": 2, "absolute_error": 1, "huber": 2, "log_cosh": 2,
    }  # fmt: skip


@pytest.mark.parametrize("optimizer", TrainingSpec.model_fields["optimizer"].annotation.__args__)
def test_each_optimizer_brings_a_loss_down(optimizer):
    rate = {"adagrad": 0.5}.get(optimizer, 0.1)
    training = TrainingSpec(optimizer=optimizer, learning_rate=rate, clip_norm=5.0, weight_decay=0.01)
    losses = descend(training)
    assert losses[-1] < 0.2 * losses[0]


def descend(training, n_steps=50):
    """Follow the gradient of a bowl whose lowest point is at 1, and give the loss of each step."""
    import keras
    import tensorflow as tf

    place = keras.Variable(np.array([[3.0, -2.0]], dtype=np.float32), name="kernel")
    optimizer = build_optimizer(training, steps_per_epoch=10)
    losses = []
    for _ in range(n_steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((place.value - 1.0) ** 2)
        losses.append(float(loss))
        optimizer.apply([tape.gradient(loss, place.value)], [place])
    return losses


def test_weight_decay_takes_from_weights_and_leaves_offsets_alone():
    import keras

    weight, offset = (keras.Variable(np.array([2.0], dtype=np.float32), name=name) for name in ("kernel", "bias"))
    optimizer = build_optimizer(TrainingSpec(optimizer="sgd", learning_rate=0.1, weight_decay=0.5))
    nothing = keras.ops.zeros((1,))
    optimizer.apply([nothing, nothing], [weight, offset])
    assert float(weight[0]) == pytest.approx(2.0 * (1 - 0.1 * 0.5))
    assert float(offset[0]) == 2.0


def test_adamw_decays_by_itself_and_adam_does_not():
    assert decay_of(TrainingSpec(optimizer="adamw")) == 0.004
    assert decay_of(TrainingSpec(optimizer="adamw", weight_decay=0.1)) == 0.1
    assert build_optimizer(TrainingSpec()).weight_decay is None


def test_long_gradients_are_shortened_together():
    import keras

    first, second = (keras.Variable(np.zeros(1, dtype=np.float32), name=name) for name in "ab")
    optimizer = build_optimizer(TrainingSpec(optimizer="sgd", learning_rate=1.0, clip_norm=1.0))
    optimizer.apply([np.array([30.0], np.float32), np.array([40.0], np.float32)], [first, second])
    assert [float(first[0]), float(second[0])] == pytest.approx([-0.6, -0.8])


def test_momentum_goes_on_in_the_direction_of_the_last_step():
    slow, fast = (
        descend(TrainingSpec(optimizer=name, learning_rate=0.02, momentum=0.8), 15) for name in ("sgd", "momentum")
    )
    assert fast[-1] < 0.2 * slow[-1]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (None, [1.0, 1.0, 1.0]),
        ({"kind": "constant"}, [1.0, 1.0, 1.0]),
        ({"kind": "linear", "final": 0.2}, [1.0, 0.6, 0.2]),
        ({"kind": "cosine", "final": 0.2}, [1.0, 0.6, 0.2]),
        ({"kind": "exponential", "final": 0.01}, [1.0, 0.1, 0.01]),
        ({"kind": "step", "factor": 0.5, "every": 4}, [1.0, 0.5, 0.25]),
    ],
)
def test_a_schedule_is_where_it_should_be_at_start_middle_and_end(schedule, expected):
    plan = RatePlan(1.0, Schedule(**schedule) if schedule else None, steps_per_epoch=7, epochs=8)
    assert plan.at(np.array([0.0, 28.0, 56.0])).tolist() == pytest.approx(expected)


def test_a_warm_up_rises_in_a_line_and_the_plan_begins_after_it():
    plan = RatePlan(1.0, Schedule(kind="linear", final=0.0, warmup_epochs=2), steps_per_epoch=5, epochs=4)
    assert plan.at(np.arange(21.0)).round(3).tolist() == [
        0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear", "exponential", "step"])
def test_the_graph_follows_the_same_plan_as_the_drawn_curve(kind):
    import keras

    schedule = Schedule(kind=kind, warmup_epochs=1.5, every=3)
    plan = RatePlan(0.1, schedule, steps_per_epoch=7, epochs=10)
    steps = np.arange(75)
    followed = np.asarray(planned_rate(plan)(keras.ops.convert_to_tensor(steps)))
    np.testing.assert_allclose(followed, plan.at(steps.astype(float)), rtol=2e-5, atol=1e-8)


def test_no_factor_reaches_zero():
    with pytest.raises(SpecError, match=r"got final: 0 with kind: exponential, needed a share above 0"):
        RunSpec.parse(
            {
                "name": "a",
                "data": {"source": "titanic", "target": "survived"},
                "estimator": {"name": "dense_network"},
                "training": {"schedule": {"kind": "exponential", "final": 0}},
            }
        )


def test_a_plateau_lowers_a_planned_rate_but_not_below_its_least():
    training = TrainingSpec(learning_rate=0.1, schedule={"kind": "constant"})
    network = build_network({"layers": [2]}, training, n_features=2, task="regression", n_classes=0, seed=0)
    assert lower_rate(network, 0.5) == (pytest.approx(0.1), pytest.approx(0.05))
    assert float(network.optimizer.learning_rate) == pytest.approx(0.05)
    assert lower_rate(network, 0.1, least=0.02) == (pytest.approx(0.05), pytest.approx(0.02))
    assert lower_rate(network, 0.1, least=0.02) is None
    assert float(rate_of(network).multiplier) == pytest.approx(0.2)
