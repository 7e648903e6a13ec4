"""What a model, an alias and a reference to a version look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import ModelNotFoundError, RegistryError

if TYPE_CHECKING:
    from workbench.settings import Settings
    from workbench.training.spec import RunSpec

CHAMPION = "champion"  # the alias that a bare name means

_ADDRESSES = frozenset({"stats"})  # /v2/models/stats is Triton's address of the statistics of all models
_DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # no folder on Windows can have these names
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_REFERENCE = re.compile(rf"(?P<name>{_NAME.pattern})(?:/(?P<number>[1-9][0-9]{{0,8}})|@(?P<alias>{_ALIAS.pattern}))?")


@dataclass(frozen=True)
class Reference:
    """A parsed reference: a model's name with either a number or an alias."""

    name: str
    number: int | None
    alias: str | None


def parse_reference(text: str) -> Reference:
    """Take apart ``churn``, ``churn@champion`` or ``churn/3``; a bare name means its champion.

    Raises
    ------
    ModelNotFoundError
        If the text has none of the three forms.

    Examples
    --------
    >>> parse_reference("churn/3")
    Reference(name='churn', number=3, alias=None)
    >>> parse_reference("churn").alias
    'champion'
    """
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ModelNotFoundError(
            f"Got {text!r}, needed NAME, NAME@ALIAS or NAME/NUMBER, such as churn, churn@champion or churn/3. "
            "Correct the reference."
        )
    if match["number"]:
        return Reference(match["name"], int(match["number"]), None)
    return Reference(match["name"], None, match["alias"] or CHAMPION)


def check_name(name: str) -> str:
    """Refuse a name that isn't safe as a folder, in a URL and for Triton.

    Raises
    ------
    RegistryError
        Unless the name is 1 to 64 of a-z, 0-9, - and _, starts with a letter or digit, and is neither a device's name
        on Windows, such as ``con``, nor ``stats``, which has another meaning in an address of the service.
    """
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise RegistryError(
            f"Got the model name {name!r}, needed 1 to 64 of a-z, 0-9, - and _, starting with a letter or digit. "
            f"Choose a name such as {suggest_name(name)!r}."
        )
    if name in _ADDRESSES:
        raise RegistryError(
            f"A model can't be named {name!r}: the service answers something else at /v2/models/{name}. "
            f"Choose a name such as {suggest_name(name)!r}."
        )
    if _DEVICES.fullmatch(name):
        raise RegistryError(
            f"Got the model name {name!r}, which Windows keeps for a device; needed a name that can be a folder "
            f"everywhere. Choose a name such as {suggest_name(name)!r}."
        )
    return name


def check_alias(alias: str) -> str:
    """Refuse an alias that could be taken for a number or isn't safe in a URL.

    Raises
    ------
    RegistryError
        Unless the alias is 1 to 64 of a-z, 0-9, - and _, and starts with a letter.
    """
    if not isinstance(alias, str) or _ALIAS.fullmatch(alias) is None:
        raise RegistryError(
            f"Got the alias {alias!r}, needed 1 to 64 of a-z, 0-9, - and _, starting with a letter. "
            f"Use {CHAMPION!r} for the live version, or a name such as 'challenger'."
        )
    return alias


def suggest_name(text: object) -> str:
    """Turn any text into a name that can be published under.

    Examples
    --------
    >>> suggest_name("My Model (final)")
    'my-model-final'
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", str(text).lower()).strip("-_")[:64] or "model"
    return f"{name}-model" if name in _ADDRESSES or _DEVICES.fullmatch(name) else name


def suggest_name_of(spec: RunSpec, *, settings: Settings | None = None) -> str:
    """Suggest what to publish a run under: its name, with that of its table in place of a digest."""
    from workbench.data.naming import as_file_name, source_name

    source = spec.data.source
    name = as_file_name(source_name(source, settings=settings)) if spec.name.startswith(source) else ""
    return suggest_name(f"{name}{spec.name[len(source) :]}" if name else spec.name)
