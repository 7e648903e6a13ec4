"""The formulas of training, each with a sentence or two.

Everything here is plain text. The LaTeX keeps to what KaTeX knows, which draws it on the pages; the numbers in the
formulas of the optimizers are those that Keras 3 starts with, since they are the ones in force.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.estimators.spec import Loss, Optimizer


@dataclass(frozen=True)
class Formula:
    r"""One formula and what it says.

    Parameters
    ----------
    title : str
    latex : str
        Without delimiters.
    words : str
        One or two plain sentences.

    Examples
    --------
    >>> LOSS_FORMULAS["squared_error"].latex
    '\\ell = (y - \\hat{y})^2'
    """

    title: str
    latex: str
    words: str


LOSS_FORMULAS: dict[Loss, Formula] = {
    "cross_entropy": Formula(
        "Loss: cross-entropy",
        r"\ell = -\sum_{k=1}^{K} y_k \log \hat{p}_k",
        "The surprise at what happened: little where the true class was given a high probability, very large where it "
        "was all but ruled out. Its lowest point is at the true probabilities.",
    ),
    "focal": Formula(
        "Loss: focal",
        r"\ell = -\sum_{k=1}^{K} y_k \, (1 - \hat{p}_k)^{2} \log \hat{p}_k",
        "Cross-entropy that makes light of rows that are right already, so that the hard and the rare ones decide. Its "
        "probabilities lean towards the middle; calibration corrects that.",
    ),
    "squared_error": Formula(
        "Loss: squared error",
        r"\ell = (y - \hat{y})^2",
        "An error twice as large costs four times as much, so the model answers with the mean and avoids large misses.",
    ),
    "absolute_error": Formula(
        "Loss: absolute error",
        r"\ell = \lvert y - \hat{y} \rvert",
        "Every unit of error costs the same, so the model answers with the median and single extreme values count "
        "little.",
    ),
    "huber": Formula(
        "Loss: Huber",
        r"\ell = \begin{cases} \frac{1}{2} (y - \hat{y})^2 & \text{if } \lvert y - \hat{y} \rvert \le s \\ "
        r"s \left( \lvert y - \hat{y} \rvert - \frac{s}{2} \right) & \text{else} \end{cases}",
        "Squared for small errors, straight for large ones: extreme values pull less. The border s is one standard "
        "deviation of the target.",
    ),
    "log_cosh": Formula(
        "Loss: log cosh",
        r"\ell = s^2 \log \cosh \frac{y - \hat{y}}{s}",
        "As Huber's loss, without a kink: about half the squared error where it is small, straight where it is large. "
        "s is the standard deviation of the target.",
    ),
}

DESCENT = Formula(
    "Gradient descent",
    r"\theta \leftarrow \theta - \eta \, g, \qquad "
    r"g = \nabla_{\theta} \, \frac{1}{\lvert B \rvert} \sum_{i \in B} \ell_i",
    "The gradient g says in which direction the loss of a batch B grows fastest; each step moves the weights a little "
    "the other way. The learning rate η is how little.",
)

_MOMENTS = r"m \leftarrow 0.9\, m + 0.1\, g, \quad v \leftarrow 0.999\, v + 0.001\, g^2, \quad "
_CORRECTED = r"\hat{m} = \frac{m}{1 - 0.9^t}, \quad \hat{v} = \frac{v}{1 - 0.999^t}, \quad "

OPTIMIZER_FORMULAS: dict[Optimizer, Formula] = {
    "sgd": Formula(
        "Optimizer: SGD",
        r"\theta \leftarrow \theta - \eta \, g",
        "Gradient descent as it is, batch after batch. Wants a larger learning rate than Adam, about 0.01 to 0.5.",
    ),
    "momentum": Formula(
        "Optimizer: SGD with Nesterov momentum",
        r"v \leftarrow \mu v - \eta \, g, \quad \theta \leftarrow \theta + \mu v - \eta \, g",
        "A share μ of the last step goes on, as of a ball that rolls: faster along a valley, steadier across it.",
    ),
    "adam": Formula(
        "Optimizer: Adam",
        _MOMENTS + _CORRECTED + r"\theta \leftarrow \theta - \eta \, \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon}",
        "Each weight has its own step: the mean of its gradients of late over their usual size. Works with the same "
        "learning rate on most data.",
    ),
    "adamw": Formula(
        "Optimizer: AdamW",
        _MOMENTS
        + _CORRECTED
        + r"\theta \leftarrow \theta - \eta \left( \frac{\hat{m}}{\sqrt{\hat{v}} + \epsilon} + \lambda \theta \right)",
        "Adam that also takes a share λ of every weight away in each step, whatever its gradient; often better on rows "
        "it hasn't seen.",
    ),
    "nadam": Formula(
        "Optimizer: Nadam",
        _MOMENTS
        + r"\theta \leftarrow \theta - \eta \, \frac{0.9\, \hat{m} + 0.1\, \hat{g}}{\sqrt{\hat{v}} + \epsilon}",
        "Adam that looks one step ahead, as Nesterov's momentum does; hats correct for the first steps, as in Adam.",
    ),
    "rmsprop": Formula(
        "Optimizer: RMSprop",
        r"v \leftarrow 0.9\, v + 0.1\, g^2, \quad \theta \leftarrow \theta - \eta \, \frac{g}{\sqrt{v + \epsilon}}",
        "Divides each gradient by its usual size of late, so that steep and flat directions move alike.",
    ),
    "adagrad": Formula(
        "Optimizer: Adagrad",
        r"v \leftarrow v + g^2, \quad \theta \leftarrow \theta - \eta \, \frac{g}{\sqrt{v + \epsilon}}",
        "Weights that have moved a lot move ever less, so rarely used ones keep their say. Wants a larger learning "
        "rate, about 0.1.",
    ),
    "lion": Formula(
        "Optimizer: Lion",
        r"\theta \leftarrow \theta - \eta \, \mathrm{sign}(0.9\, m + 0.1\, g), \quad m \leftarrow 0.99\, m + 0.01\, g",
        "Only the direction counts: every weight moves by the same amount. Wants a learning rate about a fifth of "
        "Adam's.",
    ),
}

SCHEDULE_FORMULAS: dict[str, Formula] = {
    "constant": Formula(
        "Learning rate: constant", r"\eta_t = \eta", "The same in every step, unless a plateau lowers it."
    ),
    "cosine": Formula(
        "Learning rate: cosine",
        r"\eta_t = \eta \left( f + (1 - f) \, \frac{1 + \cos(\pi t / T)}{2} \right)",
        "Stays high at first, falls fastest in the middle and settles gently at the share f of the start.",
    ),
    "linear": Formula(
        "Learning rate: linear",
        r"\eta_t = \eta \left( 1 - (1 - f) \, \frac{t}{T} \right)",
        "Falls by the same amount in every step, to the share f of the start.",
    ),
    "exponential": Formula(
        "Learning rate: exponential",
        r"\eta_t = \eta \, f^{\,t / T}",
        "Falls by the same factor in every step, to the share f of the start.",
    ),
    "step": Formula(
        "Learning rate: in steps",
        r"\eta_t = \eta \, q^{\lfloor e / n \rfloor}",
        "Stays for n epochs, then is multiplied by q; e counts the epochs.",
    ),
}

WARMUP = Formula(
    "Warm-up",
    r"\eta_t \leftarrow \eta_t \cdot \min \left( 1, \frac{t + 1}{t_w} \right)",
    "The learning rate first rises in a line: the first gradients of a new network are wild, and large steps along "
    "them do lasting harm.",
)
PLATEAU = Formula(
    "Lower on a plateau",
    r"\eta \leftarrow \max(q \, \eta, \; \eta_{\min})",
    "Where the validation loss stalls for some epochs, smaller steps may still find a way down.",
)
EARLY_STOPPING = Formula(
    "Early stopping",
    r"\text{stop at epoch } e \text{ if } \min_{e - P < j \le e} L_j \ge \min_{j \le e - P} L_j - \delta",
    "Ends when the validation loss L hasn't improved for P epochs, and brings back the weights of the best one. What "
    "comes after would only be learned by heart.",
)
BATCHES = Formula(
    "Epochs and batches",
    r"\text{steps} = E \cdot \lceil n / \lvert B \rvert \rceil",
    "An epoch sees each of n training rows once, a batch B at a time. Smaller batches make more and noisier steps, "
    "larger ones fewer and steadier, which often bear a larger learning rate.",
)
LABEL_SMOOTHING = Formula(
    "Label smoothing",
    r"y_k \leftarrow (1 - s) \, y_k + \frac{s}{K}",
    "Takes the share s of certainty from the true class and spreads it over all K, so the network isn't driven to "
    "claim certainty. Helps where labels are sometimes wrong.",
)
CLASS_WEIGHTS = Formula(
    "Class weights",
    r"L = \frac{1}{n} \sum_{i=1}^{n} w_{y_i} \, \ell_i, \qquad w_k = \frac{n}{K \, n_k}",
    "Each row counts the more the rarer its class is, so that all classes count alike. Finds more of a rare class, at "
    "the price of false alarms and of probabilities that are too high for it.",
)
L1 = Formula(
    "L1 penalty",
    r"L \leftarrow L + \lambda_1 \sum_j \lvert \theta_j \rvert",
    "Every unit of weight costs the same, so weights that explain little go to zero.",
)
L2 = Formula(
    "L2 penalty",
    r"L \leftarrow L + \lambda_2 \sum_j \theta_j^2",
    "Large weights cost most, so many small ones share the work; the network's answers become smoother.",
)
WEIGHT_DECAY = Formula(
    "Weight decay",
    r"\theta \leftarrow (1 - \eta \lambda) \, \theta",
    "Takes a share of each weight away in each step, beside the gradient: what isn't confirmed by the data fades. "
    "Offsets and normalizations are left alone.",
)
CLIPPING = Formula(
    "Gradient clipping",
    r"g \leftarrow g \cdot \min \left( 1, \frac{c}{\lVert g \rVert} \right)",
    "Shortens all gradients together where they are longer than c: one wild batch can't throw the weights far away.",
)
DROPOUT = Formula(
    "Dropout",
    r"h_j \leftarrow \frac{r_j}{1 - p} \, h_j, \qquad r_j \sim \mathrm{Bernoulli}(1 - p)",
    "While learning, each unit is switched off with probability p, so none can rely on another; answers use all units.",
)
