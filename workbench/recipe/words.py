"""Split text into words: the same in Polars and in a graph, on every machine.

A word is an unbroken run of at least two word characters: the ASCII letters and digits, ``_``, and every character from
U+00AA on that isn't one of the spaces, punctuation marks and symbols listed here. The list is our own because tables of
Unicode differ from library to library. Text without spaces between words (Chinese, Japanese) gives one word a run.

Capitals don't count: ``The`` and ``THE`` are ``the``. ASCII letters are lowered wherever they stand; a word with other
letters is lowered where it is written in capitals, with one capital in front, or in small letters. A mixture of those
(``ÉcoleÉté``) stays as it is, since no operator of a graph lowers them independently of the machine's language.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

# Code points from U+00AA on that part words, as ranges (both ends included).
_APART = (
    (0xAB, 0xB1), (0xB4, 0xB4), (0xB6, 0xB8), (0xBB, 0xBB), (0xBF, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x55A, 0x55F),
    (0x589, 0x58F), (0x5BE, 0x5BE), (0x5F3, 0x5F4), (0x600, 0x60F), (0x61B, 0x61F), (0x66A, 0x66D), (0x6D4, 0x6D4),
    (0x964, 0x965), (0x970, 0x970), (0xE3F, 0xE3F), (0x1680, 0x1680), (0x2000, 0x206F), (0x20A0, 0x20CF),
    (0x2100, 0x214F), (0x2190, 0x2BFF), (0x2E00, 0x2E7F), (0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030),
    (0xD800, 0xF8FF), (0xFE10, 0xFE6F), (0xFEFF, 0xFEFF), (0xFF00, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65), (0xFFE0, 0xFFFF),
)  # fmt: skip


def _word_pattern() -> str:
    parts, start = ["0-9A-Z_a-z"], 0xAA
    for first, last in (*_APART, (0x110000, 0)):
        if start < first:
            parts.append(rf"\x{{{start:X}}}-\x{{{first - 1:X}}}")
        start = last + 1
    return f"[{''.join(parts)}]{{2,}}"


WORD = _word_pattern()  # in the dialect that Rust's regex and RE2 share

_ROWS_AT_ONCE = 4_096
_SHIFT = 21  # bits for one word within a term; three words fit into an int64
MOST_WORDS = 2**_SHIFT - 2


def ascii_lower(word: str) -> str:
    """Lower the ASCII letters only, as the graph does."""
    return word.encode().lower().decode()


def fold(word: str) -> str:
    """Lower a word whose ASCII letters are small already, where it is written in one of the usual ways.

    Examples
    --------
    >>> fold("École"), fold("Été"), fold("ÉtéÉ")
    ('école', 'été', 'ÉtéÉ')
    """
    if word.isascii():
        return word
    lowered = word.lower()
    return lowered if word in _ways(lowered) else word


def spellings(word: str) -> list[str]:
    """Give all that `fold` turns into this word, with small ASCII letters."""
    return sorted(way for way in {word, *_ways(word)} if fold(way) == word)


def _ways(lowered: str) -> set[str]:
    return {ascii_lower(way) for way in (lowered, lowered.upper(), lowered.capitalize(), lowered.title())}


class WordCodes:
    """The number of each word; those not known get -1, or a number of their own while learning."""

    def __init__(self, words: Iterable[str] = (), *, learning: bool = False) -> None:
        self.words = list(words)
        self._codes = {word: code for code, word in enumerate(self.words)}
        self._raw: dict[str, int] = {}  # as written -> code, so that each spelling is folded once
        self.learning = learning

    def read(self, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the row and the code of each word, in the order of the texts."""
        found = (
            pl.DataFrame({"row": np.arange(len(texts), dtype=np.uint32), "word": texts.tolist()}, strict=False)
            .select("row", pl.col("word").cast(pl.String).str.extract_all(WORD))
            .explode("word")
            .drop_nulls()
        )
        different = found["word"].unique(maintain_order=True).to_list()
        codes = pl.Series([self._code(word) for word in different], dtype=pl.Int64)
        coded = found["word"].replace_strict(different, codes, return_dtype=pl.Int64) if different else codes
        return found["row"].to_numpy().astype(np.int64), coded.to_numpy()

    def _code(self, raw: str) -> int:
        code = self._raw.get(raw)
        if code is None:
            word = raw.lower() if raw.isascii() else fold(ascii_lower(raw))
            code = self._codes.get(word, -1)
            if code < 0 and self.learning and len(self.words) < MOST_WORDS:
                code = self._codes[word] = len(self.words)
                self.words.append(word)
            self._raw[raw] = code
        return code


def keys_of(rows: np.ndarray, codes: np.ndarray, max_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Give row and key of each term of up to `max_words` neighbouring words; a key tells which words stand in it."""
    all_rows, all_keys = [], []
    keys = np.zeros(len(codes), dtype=np.int64)
    for length in range(1, max_words + 1):
        here = slice(length - 1, None)
        keys = (keys[: len(codes) - length + 1] << _SHIFT) | (codes[here] + 1)
        whole = rows[here] == rows[: len(codes) - length + 1]
        for offset in range(length):
            whole &= codes[offset : len(codes) - length + 1 + offset] >= 0
        all_rows.append(rows[here][whole])
        all_keys.append(keys[whole])
    return np.concatenate(all_rows), np.concatenate(all_keys)


def key_of(codes: Iterable[int]) -> int:
    """Give the key of one term."""
    key = 0
    for code in codes:
        key = key << _SHIFT | (code + 1)
    return key


def words_of(key: int, words: list[str]) -> list[str]:
    """Give the words of a term by its key."""
    found: list[str] = []
    while key:
        found.insert(0, words[(key & (2**_SHIFT - 1)) - 1])
        key >>= _SHIFT
    return found


def blocks_of(texts: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    """Give the texts in blocks, so that the words of only a few thousand rows are in memory at once."""
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        yield start, texts[start : start + _ROWS_AT_ONCE]
