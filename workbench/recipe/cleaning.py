"""Text brought to one form."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from workbench.recipe.spec import CleanOperation

_ENTITIES = {"&nbsp;": " ", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&amp;": "&"}
# NFD of the letters of European languages, since Polars has no normal forms: one letter each, so one pass does it.
_ACCENTED = (
    "ÀÁÂÃÄÅĀĂĄÇĆĈĊČĎÈÉÊËĒĔĖĘĚĜĞĠĢĤÌÍÎÏĨĪĬĮİĴĶĹĻĽÑŃŅŇÒÓÔÕÖŌŎŐŔŖŘŚŜŞŠȘŢŤȚÙÚÛÜŨŪŬŮŰŲŴÝŶŸŹŻŽ"
    "àáâãäåāăąçćĉċčďèéêëēĕėęěĝğġģĥìíîïĩīĭįĵķĺļľñńņňòóôõöōŏőŕŗřśŝşšșţťțùúûüũūŭůűųŵýŷÿźżž"
)


def _plain_letters() -> dict[str, str]:
    import unicodedata

    plain = {letter: unicodedata.normalize("NFD", letter)[0] for letter in _ACCENTED}
    return plain | {"Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}


_PLAIN = _plain_letters()
_OPERATIONS: dict[CleanOperation, Callable[[pl.Expr], pl.Expr]] = {
    "strip": lambda text: text.str.strip_chars(),
    "lower_case": lambda text: text.str.to_lowercase(),
    "collapse_spaces": lambda text: text.str.replace_all(r"\s+", " "),
    "remove_html": lambda text: text.str.replace_all(r"<[^<>]*>", " ").str.replace_many(_ENTITIES),
    "remove_urls": lambda text: text.str.replace_all(r"(?i)(?:https?://|www\.)\S+", " "),
    "remove_punctuation": lambda text: text.str.replace_all(r"['’]", "").str.replace_all(r"[\p{P}\p{S}]+", " "),
    "remove_digits": lambda text: text.str.replace_all(r"\d+", ""),
    "remove_accents": lambda text: text.str.replace_many(_PLAIN).str.replace_all(r"\p{M}+", ""),
    "strip_full_stop": lambda text: text.str.replace(r"\s*\.+\s*$", ""),
}


def cleaned(text: pl.Expr, operations: Sequence[CleanOperation]) -> pl.Expr:
    """Carry out operations in order; text that is empty afterwards is missing.

    Examples
    --------
    >>> frame = pl.DataFrame({"class": [" <=50K. ", "Crème  Brûlée", "..."]})
    >>> frame.select(cleaned(pl.col("class"), ["strip", "strip_full_stop"])).to_series().to_list()
    ['<=50K', 'Crème  Brûlée', None]
    >>> frame.select(cleaned(pl.col("class"), ["remove_accents", "collapse_spaces"])).to_series().to_list()
    [' <=50K. ', 'Creme Brulee', '...']
    """
    for operation in operations:
        text = _OPERATIONS[operation](text)
    return text.replace("", None)  # names the text once, unlike when(text != "").then(text), which does all twice
