"""The steps of a recipe as they stand in a RunSpec. What a step does lives in the modules beside this one.

There are five families, and the order of their work is the order of a run:

- **Row steps** decide which rows exist. They learn nothing, run before the split, and never on a request.
- **Column steps** compute each row from itself alone. They learn nothing, run in their place among the row steps, and
  travel in the model.
- **Learned steps** are fitted on training rows only and travel in the model. They take the columns as the row and
  column steps leave them.
- **Image steps** say what size and scale an image column gets, and how training images are varied.
- **Training steps** act on the training rows only, after everything was learned: they balance the classes.

Forms, the command line and the documentation read the fields' titles, descriptions and limits from here. A field that
counts for one choice only says so: ``"when": {"strategy": "constant"}`` in its JSON schema.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import Field, model_validator

from workbench.recipe.image_steps import Augment as Augment
from workbench.recipe.image_steps import ImageStep
from workbench.recipe.image_steps import Resize as Resize
from workbench.recipe.image_steps import ScalePixels as ScalePixels
from workbench.recipe.step import BaseStep, Family
from workbench.recipe.step import TakenKind as TakenKind

Columns = Annotated[tuple[str, ...], Field(min_length=1, title="Columns", description="Columns that the step takes.")]
OptionalColumns = Annotated[
    tuple[str, ...] | None, Field(title="Columns", description="Columns that count; all when none is named.")
]
NewName = Annotated[str, Field(min_length=1, max_length=200, title="Name", description="Name of the new column.")]
Expression = Annotated[str, Field(min_length=1, max_length=2_000, title="Expression")]
Seed = Annotated[int, Field(ge=0, lt=2**32, title="Seed", description="The same seed gives the same rows.")]
DatePart = Literal[
    "year", "quarter", "month", "week", "day", "weekday", "day_of_year", "hour", "minute", "second", "is_weekend",
    "seconds_since_1970",
]  # fmt: skip
CleanOperation = Literal[
    "strip", "lower_case", "collapse_spaces", "remove_html", "remove_urls", "remove_punctuation", "remove_digits",
    "remove_accents", "strip_full_stop",
]  # fmt: skip


_NUMBERS: frozenset[TakenKind] = frozenset({"number", "boolean"})
_TEXTS: frozenset[TakenKind] = frozenset({"text"})
_VALUES: frozenset[TakenKind] = frozenset({"number", "boolean", "text"})


# Row steps


class DropDuplicates(BaseStep):
    """Keep one of several rows that are equal in `columns`, or in all columns when absent."""

    title: ClassVar[str] = "Drop duplicate rows"
    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Keep one of several equal rows, so that none is in both training and test."
    family: ClassVar[Family] = "row"
    step: Literal["drop_duplicates"] = "drop_duplicates"
    columns: OptionalColumns = None
    keep: Literal["first", "last"] = Field(
        "first", title="Keep", description="Which of equal rows stays, in the table's order."
    )


class DropMissing(BaseStep):
    """Drop rows with a missing value in `columns` (in any column when absent). Never applied to a request."""

    title: ClassVar[str] = "Drop rows with missing values"
    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Drop rows with missing values; imputing keeps them instead."
    family: ClassVar[Family] = "row"
    step: Literal["drop_missing"] = "drop_missing"
    columns: OptionalColumns = None


class Filter(BaseStep):
    """Keep the rows for which an expression holds; a row for which it can't be decided (missing) goes."""

    title: ClassVar[str] = "Filter rows"
    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Keep the rows for which an expression such as `age >= 18 and port == 'S'` holds."
    family: ClassVar[Family] = "row"
    step: Literal["filter"] = "filter"
    expression: Expression = Field(
        description="Columns, numbers and words with and, or, not, comparisons, arithmetic and functions; a column "
        "whose name isn't a plain word stands in backticks."
    )


class Sample(BaseStep):
    """Keep some rows at random, in the table's order; `n_rows` or `fraction`."""

    title: ClassVar[str] = "Sample rows"
    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Keep some rows at random: quicker to explore, weaker to learn from."
    family: ClassVar[Family] = "row"
    step: Literal["sample"] = "sample"
    n_rows: int | None = Field(None, ge=1, title="Rows", description="Rows to keep; all where there are fewer.")
    fraction: float | None = Field(None, gt=0, le=1, title="Share", description="Share of the rows to keep.")
    seed: Seed = 0

    @model_validator(mode="after")
    def _one_of_them(self) -> Sample:
        if (self.n_rows is None) == (self.fraction is None):
            raise ValueError("sample needs either n_rows or fraction; give one of them")
        return self


class Sort(BaseStep):
    """Order the rows by columns; missing values last."""

    title: ClassVar[str] = "Sort rows"
    purpose: ClassVar[str] = "Rows"
    summary: ClassVar[str] = "Order the rows; decides which of equal rows drop_duplicates keeps."
    family: ClassVar[Family] = "row"
    step: Literal["sort"] = "sort"
    columns: Columns
    descending: bool = Field(False, title="Descending", description="Largest or latest first.")


# Column steps


class DropColumns(BaseStep):
    """Leave columns out of the model; they stay visible in the table."""

    title: ClassVar[str] = "Drop columns"
    purpose: ClassVar[str] = "Columns"
    summary: ClassVar[str] = "Leave columns out: identifiers, leaks, text that no step encodes."
    family: ClassVar[Family] = "column"
    step: Literal["drop_columns"] = "drop_columns"
    columns: Columns


class Rename(BaseStep):
    """Give columns other names; requests go on naming them as the table does."""

    title: ClassVar[str] = "Rename columns"
    purpose: ClassVar[str] = "Columns"
    summary: ClassVar[str] = "Give columns names that read well in pictures and rules."
    family: ClassVar[Family] = "column"
    step: Literal["rename"] = "rename"
    names: dict[str, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, title="Names", description="For each column its new name."
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that get another name."""
        return tuple(self.names)


class Convert(BaseStep):
    """Change the type of columns; cells that don't fit become missing."""

    title: ClassVar[str] = "Convert type"
    purpose: ClassVar[str] = "Columns"
    summary: ClassVar[str] = "Numbers written as text ('1.234,5 km') to numbers, codes to text, yes/no words to yes/no."
    family: ClassVar[Family] = "column"
    takes: ClassVar[frozenset[TakenKind]] = frozenset({"number", "boolean", "text"})
    step: Literal["convert"] = "convert"
    columns: Columns
    to: Literal["number", "text", "boolean"] = Field(title="To", description="The type that the columns get.")
    decimal: Literal[".", ","] = Field(
        ".",
        title="Decimal mark",
        description="Of numbers that are written as text.",
        json_schema_extra={"when": {"to": "number"}},
    )
    units: bool = Field(
        True,
        title="Leave units out",
        description="Read '12 kg', '$ 3.50' and '45 %' as 12, 3.5 and 45.",
        json_schema_extra={"when": {"to": "number"}},
    )


class ParseDates(BaseStep):
    """Read text as dates or times; cells that don't fit become missing. Or give dates the time zone that they mean."""

    title: ClassVar[str] = "Parse dates"
    purpose: ClassVar[str] = "Dates"
    summary: ClassVar[str] = "Read text as dates, so that their parts can be used and rows split by time; set a zone."
    family: ClassVar[Family] = "column"
    takes: ClassVar[frozenset[TakenKind]] = frozenset({"text", "datetime"})
    step: Literal["parse_dates"] = "parse_dates"
    columns: Columns
    format: str | None = Field(
        None,
        max_length=100,
        title="Format",
        description="As in %d.%m.%Y %H:%M; empty reads ISO dates (2024-12-31, 2024-12-31 23:59).",
    )
    zone: str | None = Field(
        None,
        max_length=100,
        title="Time zone",
        description="Such as Europe/Berlin: times with an offset are shown there, those without one are times there.",
    )


class DateParts(BaseStep):
    """Replace dates by numbers: one new column `<column>_<part>` for each part."""

    title: ClassVar[str] = "Date parts"
    purpose: ClassVar[str] = "Dates"
    summary: ClassVar[str] = "Year, month, weekday, hour and so on as numbers, which models can use."
    family: ClassVar[Family] = "column"
    takes: ClassVar[frozenset[TakenKind]] = frozenset({"datetime"})
    step: Literal["date_parts"] = "date_parts"
    columns: Columns
    parts: tuple[DatePart, ...] = Field(
        ("year", "month", "day", "weekday", "hour"),
        min_length=1,
        title="Parts",
        description="Weekday is 1 for Monday to 7 for Sunday; week is the ISO week.",
    )
    drop: bool = Field(True, title="Drop the date", description="Leave the date itself out of the model.")


class Calculate(BaseStep):
    """Compute a column from others in the same row."""

    title: ClassVar[str] = "Calculate a column"
    purpose: ClassVar[str] = "Columns"
    summary: ClassVar[str] = "A new column by arithmetic, such as `fare / (sibsp + parch + 1)`."
    family: ClassVar[Family] = "column"
    step: Literal["calculate"] = "calculate"
    name: NewName
    expression: Expression = Field(
        description="As in filter: columns, numbers, words, + - * / ** %, comparisons and functions such as log, "
        "round, if_else, length, year."
    )


class FlagMissing(BaseStep):
    """Add a column `<column>_missing`: 1 where the value is missing, else 0."""

    title: ClassVar[str] = "Flag missing values"
    purpose: ClassVar[str] = "Missing values"
    summary: ClassVar[str] = (
        "A new 0/1 column that says where a value is missing, since that may itself tell something."
    )
    family: ClassVar[Family] = "column"
    step: Literal["flag_missing"] = "flag_missing"
    columns: Columns


class CleanText(BaseStep):
    """Bring text to one form; text that is empty afterwards is missing. Takes the target, too."""

    title: ClassVar[str] = "Clean text"
    purpose: ClassVar[str] = "Text"
    summary: ClassVar[str] = (
        "Spaces, capitals, markup and punctuation brought to one form, so that equal things are equal."
    )
    family: ClassVar[Family] = "column"
    takes: ClassVar[frozenset[TakenKind]] = _TEXTS
    step: Literal["clean_text"] = "clean_text"
    columns: Columns
    operations: tuple[CleanOperation, ...] = Field(
        ("strip", "collapse_spaces", "lower_case"),
        min_length=1,
        title="Operations",
        description="Carried out in the order given.",
    )


# Learned steps


class Impute(BaseStep):
    """Fill missing values with a statistic of the training rows, their nearest neighbours, or `fill_value`."""

    title: ClassVar[str] = "Impute"
    purpose: ClassVar[str] = "Missing values"
    summary: ClassVar[str] = "Fill missing values with a statistic of the training rows."
    takes: ClassVar[frozenset[TakenKind]] = _VALUES
    step: Literal["impute"] = "impute"
    columns: Columns
    strategy: Literal["mean", "median", "most_frequent", "constant", "nearest_neighbors"] = Field(
        "median",
        title="Fill with",
        description="Mean, median and nearest neighbors take numbers, the others text too.",
    )
    fill_value: float | str | None = Field(
        None,
        title="Value",
        description="For strategy constant: a number for number columns, a word for text.",
        json_schema_extra={"when": {"strategy": "constant"}},
    )
    n_neighbors: int = Field(
        5,
        ge=1,
        le=100,
        title="Neighbors",
        description="For nearest neighbors: training rows whose mean is taken.",
        json_schema_extra={"when": {"strategy": "nearest_neighbors"}},
    )


class Clip(BaseStep):
    """Move outliers to the nearest bound that was learned."""

    title: ClassVar[str] = "Clip outliers"
    purpose: ClassVar[str] = "Numbers"
    summary: ClassVar[str] = "Move values beyond a bound to the bound, so that a few extremes don't rule the model."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["clip"] = "clip"
    columns: Columns
    method: Literal["quantile", "iqr"] = Field(
        "quantile",
        title="Bounds",
        description="Quantiles of the training rows, or the quartiles widened by `factor` times their distance.",
    )
    lower: float = Field(
        0.01,
        ge=0,
        lt=0.5,
        title="Lower quantile",
        description="For quantile.",
        json_schema_extra={"when": {"method": "quantile"}},
    )
    upper: float = Field(
        0.99,
        gt=0.5,
        le=1,
        title="Upper quantile",
        description="For quantile.",
        json_schema_extra={"when": {"method": "quantile"}},
    )
    factor: float = Field(
        1.5,
        gt=0,
        le=100,
        title="Factor",
        description="For iqr; 1.5 is Tukey's fence.",
        json_schema_extra={"when": {"method": "iqr"}},
    )


class Log(BaseStep):
    """Take sign(x) log(1 + |x|): the usual log of counts and amounts, defined for every number."""

    title: ClassVar[str] = "Logarithm"
    purpose: ClassVar[str] = "Numbers"
    summary: ClassVar[str] = "Tame long tails: sign(x) log(1 + |x|)."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["log"] = "log"
    columns: Columns


class Power(BaseStep):
    """Make a distribution more symmetric by a power."""

    title: ClassVar[str] = "Power"
    purpose: ClassVar[str] = "Numbers"
    summary: ClassVar[str] = "A power that makes a skewed distribution more symmetric."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["power"] = "power"
    columns: Columns
    method: Literal["yeo_johnson", "square_root", "square"] = Field(
        "yeo_johnson",
        title="Method",
        description="Yeo-Johnson learns the power on the training rows; the square root of a negative number is minus "
        "the root of its size.",
    )


class Bins(BaseStep):
    """Replace a number by the number of its bin, from 0 on."""

    title: ClassVar[str] = "Bins"
    purpose: ClassVar[str] = "Numbers"
    summary: ClassVar[str] = "Cut numbers into bins; one-hot them afterwards, and a linear model can follow a curve."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["bins"] = "bins"
    columns: Columns
    strategy: Literal["quantile", "uniform", "given"] = Field(
        "quantile", title="Edges", description="Equal numbers of training rows, equal widths, or given edges."
    )
    n_bins: int = Field(
        5,
        ge=2,
        le=1_000,
        title="Bins",
        description="Number of bins, unless edges are given.",
        json_schema_extra={"when": {"strategy": ["quantile", "uniform"]}},
    )
    edges: tuple[float, ...] | None = Field(
        None,
        title="Given edges",
        description="Inner edges in rising order; a value equal to an edge is above it.",
        json_schema_extra={"when": {"strategy": "given"}},
    )


class Standardize(BaseStep):
    """Subtract the training mean and divide by the training standard deviation."""

    title: ClassVar[str] = "Standardize"
    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Mean 0 and standard deviation 1 on the training rows; networks and linear models need it."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["standardize"] = "standardize"
    columns: Columns


class MinMax(BaseStep):
    """Map the training minimum to 0 and the training maximum to 1; values outside go below 0 or above 1."""

    title: ClassVar[str] = "Min-max"
    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Smallest training value becomes 0, largest becomes 1."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["min_max"] = "min_max"
    columns: Columns


class Robust(BaseStep):
    """Subtract the training median and divide by the distance of the quartiles."""

    title: ClassVar[str] = "Robust scale"
    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Median 0 and distance of the quartiles 1, which outliers don't move."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["robust"] = "robust"
    columns: Columns


class QuantileTransform(BaseStep):
    """Map each value to its rank among the training values."""

    title: ClassVar[str] = "Quantile transform"
    purpose: ClassVar[str] = "Scale"
    summary: ClassVar[str] = "Spread the values evenly, or like a bell, by their rank among the training values."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["quantile_transform"] = "quantile_transform"
    columns: Columns
    output: Literal["uniform", "normal"] = Field(
        "uniform", title="Spread", description="Evenly from 0 to 1, or a bell."
    )
    n_quantiles: int = Field(
        1_000, ge=10, le=10_000, title="Quantiles", description="Points of the learned curve; fewer are smoother."
    )


class MergeRare(BaseStep):
    """Replace categories that are rare in the training rows, and unseen ones, by one word."""

    title: ClassVar[str] = "Merge rare categories"
    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "Replace categories too rare to learn from by one word, such as 'other'."
    takes: ClassVar[frozenset[TakenKind]] = _TEXTS
    step: Literal["merge_rare"] = "merge_rare"
    columns: Columns
    min_share: float = Field(
        0.01, ge=0, lt=1, title="Least share", description="Share of the training rows below which a category is rare."
    )
    into: str = Field("other", min_length=1, max_length=200, title="Into", description="The word for all rare ones.")


class OneHot(BaseStep):
    """One 0/1 column for each category seen in training; an unseen or missing one gives all zeros."""

    title: ClassVar[str] = "One-hot"
    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "One 0/1 column for each category seen in training."
    takes: ClassVar[frozenset[TakenKind]] = _VALUES
    step: Literal["one_hot"] = "one_hot"
    columns: Columns
    max_categories: int | None = Field(
        None,
        ge=2,
        title="At most",
        description="Columns for each column: the most frequent categories get one each, all others share the last.",
    )


class Ordinal(BaseStep):
    """Replace each category by its place in the list of training categories; -1 for unseen or missing.

    The list is that of an ordered category (a Polars Enum, an ordered pandas Categorical), else sorted by letters.
    """

    title: ClassVar[str] = "Ordinal"
    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "Replace each category by its number; compact, and enough for trees."
    takes: ClassVar[frozenset[TakenKind]] = _VALUES
    step: Literal["ordinal"] = "ordinal"
    columns: Columns


class TargetEncode(BaseStep):
    """Replace each category by the mean target of its training rows; cross-fitted, so that no row sees its own answer.

    Source: Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, SIGKDD 2001.
    """

    title: ClassVar[str] = "Target encoding"
    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "Replace a category by the mean target of its training rows; for many categories."
    takes: ClassVar[frozenset[TakenKind]] = _VALUES
    step: Literal["target_encode"] = "target_encode"
    columns: Columns
    smooth: float | None = Field(
        None,
        ge=0,
        le=1e6,
        title="Smoothing",
        description="How many rows the overall mean weighs; higher trusts rare categories less. Empty chooses it from "
        "the data.",
    )
    folds: int = Field(5, ge=2, le=20, title="Folds", description="A training row is encoded by the other folds only.")


class Hashing(BaseStep):
    """Spread categories over a fixed number of columns by a hash; nothing is remembered, so none is ever unseen.

    Source: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, ICML 2009.
    """

    title: ClassVar[str] = "Hashing"
    purpose: ClassVar[str] = "Categories"
    summary: ClassVar[str] = "A fixed number of columns for any number of categories; several may share one."
    takes: ClassVar[frozenset[TakenKind]] = _TEXTS
    step: Literal["hashing"] = "hashing"
    columns: Columns
    n_features: int = Field(
        32, ge=2, le=4_096, title="New columns", description="For each column; more collide less and cost more."
    )


class TfIdf(BaseStep):
    """One column for each of the most frequent terms: how often it stands in the text, weighed by how rare it is."""

    title: ClassVar[str] = "Text to TF-IDF"
    purpose: ClassVar[str] = "Text"
    summary: ClassVar[str] = "Free text to numbers: which words it holds, rare ones weighing more."
    takes: ClassVar[frozenset[TakenKind]] = _TEXTS
    step: Literal["tf_idf"] = "tf_idf"
    columns: Columns
    max_features: int = Field(
        500, ge=1, le=20_000, title="Terms", description="At most, for each column; the most frequent ones are taken."
    )
    max_words: int = Field(
        1, ge=1, le=3, title="Words in a term", description="2 also counts pairs of neighbouring words."
    )
    min_rows: int = Field(2, ge=1, title="Least rows", description="Training rows that a term must stand in.")


class SelectBest(BaseStep):
    """Keep the features that tell most about the target on the training rows."""

    title: ClassVar[str] = "Select k best"
    purpose: ClassVar[str] = "Select and project"
    summary: ClassVar[str] = "Keep the k features that tell most about the target, each looked at alone."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["select_best"] = "select_best"
    columns: OptionalColumns = None
    k: int = Field(20, ge=1, le=10_000, title="Features", description="How many are kept.")
    score: Literal["f_test", "mutual_information"] = Field(
        "f_test", title="Score", description="The F test sees straight relations, mutual information also others."
    )


class Pca(BaseStep):
    """Project features on their principal components: `pca_1`, `pca_2`, ... take their place."""

    title: ClassVar[str] = "PCA"
    purpose: ClassVar[str] = "Select and project"
    summary: ClassVar[str] = "Replace many features by a few directions that hold most of their variance; scale first."
    takes: ClassVar[frozenset[TakenKind]] = _NUMBERS
    step: Literal["pca"] = "pca"
    columns: OptionalColumns = None
    n_components: int | None = Field(None, ge=1, le=10_000, title="Components", description="How many are kept.")
    variance: float = Field(
        0.95, gt=0, lt=1, title="Variance", description="Share that the components hold, unless their number is given."
    )


# Training steps


class Balance(BaseStep):
    """Make up for rare classes on the training rows; validation and test stay as they are."""

    title: ClassVar[str] = "Balance classes"
    purpose: ClassVar[str] = "Training rows"
    summary: ClassVar[str] = "Let rare classes weigh as much as frequent ones while training."
    family: ClassVar[Family] = "training"
    step: Literal["balance"] = "balance"
    method: Literal["class_weights", "oversample", "undersample"] = Field(
        "class_weights",
        title="Method",
        description="Weigh the rows of rare classes more, repeat them, or leave out rows of frequent ones.",
    )
    seed: Seed = 0


RowStep = DropDuplicates | DropMissing | Filter | Sample | Sort
ColumnStep = DropColumns | Rename | Convert | ParseDates | DateParts | Calculate | FlagMissing | CleanText
LearnedStep = (
    Impute | Clip | Log | Power | Bins | Standardize | MinMax | Robust | QuantileTransform
    | MergeRare | OneHot | Ordinal | TargetEncode | Hashing | TfIdf | SelectBest | Pca
)  # fmt: skip
TrainingStep = Balance
Step = Annotated[Union[RowStep, ColumnStep, LearnedStep, ImageStep, TrainingStep], Field(discriminator="step")]  # noqa: UP007


def columns_of(step: Any) -> tuple[str, ...]:
    """Give the columns that a step names; none for a step that takes all, or an expression."""
    return tuple(getattr(step, "columns", None) or ())
