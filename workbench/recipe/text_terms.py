"""Turn free text into numbers: TF-IDF of its most frequent terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from workbench.errors import RecipeError
from workbench.graph import RUNTIME_DOMAIN, GraphBuilder
from workbench.graph.arithmetic import emit_sum_in_pairs, sum_in_pairs
from workbench.recipe.fitted_step import FittedStep, Learning, listed
from workbench.recipe.refusing import refuse_empty
from workbench.recipe.spec import TfIdf
from workbench.recipe.words import WORD, WordCodes, blocks_of, key_of, keys_of, spellings, words_of


@dataclass(frozen=True)
class _Terms:
    """The terms of one column: each a tuple of words, and its weight."""

    terms: list[tuple[str, ...]]
    weights: np.ndarray

    @property
    def words(self) -> list[str]:
        return list(dict.fromkeys(word for term in self.terms for word in term))


class FittedTfIdf(FittedStep):
    """``TfidfVectorizer(max_features=..., min_df=..., ngram_range=(1, max_words))`` of each column.

    Each feature is a term: a word, or up to `max_words` words that follow each other. Its value is the number of times
    that it stands in the text, times ln((1 + rows) / (1 + rows with the term)) + 1 over the training rows, divided by
    the length of the row's vector. What a word is stands in `workbench.recipe.words`; on English text it is what
    scikit-learn takes for one: two letters or digits at least, capitals don't count. The most frequent terms are taken;
    of equally frequent ones the first in the alphabet.

    Missing and empty text, and text without any of the terms, gives all zeros. The features of a row are dense: 25,000
    texts and 500 terms are 100 MB.

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, Information Processing and
    Management 24, 1988.
    """

    name = "tf_idf"

    def __init__(self, columns: list[_Terms], max_words: int) -> None:
        super().__init__(None)
        self.columns, self.max_words = columns, max_words

    @classmethod
    def fit(cls, step: TfIdf, X: np.ndarray, columns: list[str], learning: Learning) -> FittedTfIdf:
        """Count the terms; see `FittedStep.fit`. Refuses a column without any term in `min_rows` rows."""
        refuse_empty("tf_idf", X, columns)
        found = [_count(step, X[:, place]) for place in range(X.shape[1])]
        none = [name for name, terms in zip(columns, found, strict=True) if not terms.terms]
        if none:
            raise RecipeError(
                f"tf_idf: column {listed(none)} has no word of two letters or more in {step.min_rows:,} training rows, "
                "needed one at least. Lower min_rows, or use one_hot or target_encode for codes."
            )
        return cls(found, step.max_words)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Count the terms of each row and weigh them."""
        parts = [self._transform_column(X[:, place], terms) for place, terms in enumerate(self.columns)]
        return parts[0] if len(parts) == 1 else np.hstack(parts)

    def _transform_column(self, texts: np.ndarray, terms: _Terms) -> np.ndarray:
        result = np.empty((len(texts), len(terms.terms)))
        codes = WordCodes(terms.words)
        code_of = {word: code for code, word in enumerate(codes.words)}
        keys = np.array([key_of(code_of[word] for word in term) for term in terms.terms], dtype=np.int64)
        order = np.argsort(keys)
        for start, block in blocks_of(texts):
            rows, found = keys_of(*codes.read(block), self.max_words)
            places = np.minimum(np.searchsorted(keys, found, sorter=order), len(keys) - 1)
            known = keys[order[places]] == found
            cells = rows[known] * len(keys) + order[places[known]]
            values = np.bincount(cells, minlength=len(block) * len(keys)).reshape(len(block), len(keys)) * terms.weights
            length = np.sqrt(sum_in_pairs(values * values))
            result[start : start + len(block)] = values / np.where(length > 0, length, 1.0)
        return result

    def emit(self, graph: GraphBuilder, tensor: str) -> str:
        """Split each text into words, count the terms and weigh them."""
        parts = []
        for place, terms in enumerate(self.columns):
            column = graph.gather(tensor, [place]) if len(self.columns) > 1 else tensor
            parts.append(self._emit_column(graph, column, terms))
        return graph.hstack(parts)

    def _emit_column(self, graph: GraphBuilder, column: str, terms: _Terms) -> str:
        axis = graph.constant(np.array([1], dtype=np.int64))
        # The operators of text refuse no rows and no words at all, so a text of our own goes in front.
        texts = graph.node("Concat", graph.constant(["word"]), graph.node("Squeeze", column, axis), axis=0)
        # The locale "C" exists everywhere and lowers ASCII letters only.
        lower: dict[str, Any] = {"case_change_action": "LOWER", "is_case_sensitive": 1, "locale": "C"}
        texts = graph.node("StringNormalizer", texts, **lower)
        split: dict[str, Any] = {"mark": 0, "pad_value": "", "mincharnum": 1, "tokenexp": WORD}
        words = graph.node("Tokenizer", texts, domain=RUNTIME_DOMAIN, **split)
        code_of = {word: code for code, word in enumerate(terms.words)}
        pairs = [(way, code) for word, code in code_of.items() for way in spellings(word)]
        keys = np.array([way for way, _ in pairs], dtype=object)
        codes = graph.lookup(words, keys, [code for _, code in pairs], default=-1)
        counts = graph.cast(graph.node("TfIdfVectorizer", codes, **_pool(terms, code_of)), "double")
        one = graph.constant(np.array([1], dtype=np.int64))
        end = graph.constant(np.array([np.iinfo(np.int64).max]))
        counts = graph.node("Slice", counts, one, end, graph.constant(np.array([0], dtype=np.int64)))
        values = graph.node("Mul", counts, graph.constant(terms.weights))
        squares = graph.node("Mul", values, values)
        length = graph.node("Sqrt", emit_sum_in_pairs(graph, squares, len(terms.weights)))
        zero, unit = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
        length = graph.node("Where", graph.node("Less", zero, length), length, unit)
        return str(graph.node("Div", values, length))

    def labels(self) -> list[list[str]]:
        """Give the terms of each column."""
        return [[" ".join(term) for term in terms.terms] for terms in self.columns]

    def to_dict(self) -> dict[str, Any]:
        """Give terms and weights."""
        columns = [
            {"terms": [list(term) for term in terms.terms], "weights": terms.weights.tolist()} for terms in self.columns
        ]
        return {"max_words": self.max_words, "columns": columns}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> FittedTfIdf:
        """Read terms and weights."""
        columns = [
            _Terms(
                [tuple(str(word) for word in term) for term in entry["terms"]],
                np.array(entry["weights"], dtype=np.float64),
            )
            for entry in document["columns"]
        ]
        return cls(columns, int(document["max_words"]))


def _pool(terms: _Terms, code_of: dict[str, int]) -> dict[str, Any]:
    """Give the attributes of `TfIdfVectorizer`: the terms, shortest first, and the feature of each."""
    longest = max(len(term) for term in terms.terms)
    pool: list[int] = []
    starts, features = [], []
    for length in range(1, longest + 1):
        starts.append(len(pool))
        for feature, term in enumerate(terms.terms):
            if len(term) == length:
                pool.extend(code_of[word] for word in term)
                features.append(feature)
    return {
        "mode": "TF",
        "min_gram_length": 1,
        "max_gram_length": longest,
        "max_skip_count": 0,
        "ngram_counts": starts,
        "ngram_indexes": features,
        "pool_int64s": pool,
    }


def _count(step: TfIdf, texts: np.ndarray) -> _Terms:
    """Find the most frequent terms of one column, in the order of the alphabet."""
    codes = WordCodes(learning=True)
    counted: list[pl.DataFrame] = []
    for _, block in blocks_of(texts):
        rows, keys = keys_of(*codes.read(block), step.max_words)
        once = pl.DataFrame({"key": keys, "row": rows}).group_by("key", "row").len("count")
        counted.append(once.group_by("key").agg(pl.col("count").cast(pl.Int64).sum(), n_rows=pl.len().cast(pl.Int64)))
        if len(counted) > 8:
            counted = [_sum(counted)]
    total = _sum(counted).filter(pl.col("n_rows") >= step.min_rows)
    # Only what can be among the chosen is spelled out: a tie at the end is decided by the alphabet.
    if total.height > step.max_features:
        least = total["count"].top_k(step.max_features).min()
        total = total.filter(pl.col("count") >= least)
    rows_of = {tuple(words_of(key, codes.words)): (-count, n) for key, count, n in total.iter_rows()}
    chosen = sorted(rows_of, key=lambda term: (rows_of[term][0], term))[: step.max_features]
    chosen.sort()
    n_rows = np.array([rows_of[term][1] for term in chosen], dtype=np.float64)
    return _Terms(chosen, np.log((1.0 + len(texts)) / (1.0 + n_rows)) + 1.0)


def _sum(counted: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(counted).group_by("key").agg(pl.col("count", "n_rows").sum())
