"""Connection strings: secrets filled in from the environment, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from workbench.errors import MissingExtraError, ReadError
from workbench.settings import environment_value

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9_]*)(\+[a-zA-Z0-9_]+)?://")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NO_DATABASES = ("file", "http", "https", "ftp", "s3", "gs", "az", "abfs", "hf")
_CONNECT_SECONDS = 15
_DRIVERS = {
    "postgresql": "psycopg[binary]",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "oracle": "oracledb",
    "mssql": "pyodbc",
    "duckdb": "duckdb-engine",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "clickhouse": "clickhouse-sqlalchemy",
    "trino": "trino[sqlalchemy]",
    "databricks": "databricks-sqlalchemy",
    "cockroachdb": "sqlalchemy-cockroachdb",
}


def is_connection(source: str) -> bool:
    """Whether a source is a database's connection string and not a path.

    Examples
    --------
    >>> is_connection("postgresql://reader:${PASSWORD}@db.example/shop"), is_connection("data/shop.csv")
    (True, False)
    """
    match = _SCHEME.match(source)
    return match is not None and match[1].lower() not in _NO_DATABASES


def holds_secret(connection: str) -> bool:
    """Whether a password stands in a connection string itself, not as ``${NAME}``.

    Examples
    --------
    >>> holds_secret("postgresql://me:secret@host/shop"), holds_secret("postgresql://me:${PASSWORD}@host/shop")
    (True, False)
    """
    url = parse_connection(connection, fill=False)
    secrets = [str(url.password or ""), *(str(value) for key, value in url.query.items() if _is_secret(key))]
    return any(_VARIABLE.sub("", secret) for secret in secrets)


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in ("pass", "secret", "token", "key", "credential"))


def parse_connection(connection: str, *, fill: bool = True) -> URL:
    """Take a connection string apart.

    Raises
    ------
    ReadError
        If it can't be, or a variable in it isn't set; the message shows nothing of what stands in it.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(connection.strip())
    except (ArgumentError, ValueError):
        raise ReadError(
            "Got a connection string that can't be taken apart (it isn't shown, since it may hold a password). Needed "
            "postgresql://USER:${PASSWORD}@HOST:5432/DATABASE or the like; write special letters of a password as "
            "%40 and so on, or take it from a variable."
        ) from None
    names = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
    url = url.set(drivername=names.get(url.drivername.lower(), url.drivername))
    if not fill:
        return url
    # Filled in part by part, so that a password may hold any letter.
    return url.set(
        username=_fill(url.username),
        password=_fill(str(url.password)) if url.password is not None else None,
        host=_fill(url.host),
        database=_fill(url.database),
        query={
            key: _fill(value) or "" if isinstance(value, str) else tuple(_fill(one) or "" for one in value)
            for key, value in url.query.items()
        },
    )


def _fill(text: str | None) -> str | None:
    if text is None:
        return None

    def value(match: re.Match[str]) -> str:
        found = environment_value(match[1])
        if found is None:
            raise ReadError(
                f"Got a connection string with ${{{match[1]}}}, needed the environment variable {match[1]}, which "
                "isn't set. Set it before the workbench is started, or correct its name."
            )
        return found

    return _VARIABLE.sub(value, text)


def shown_connection(url: URL) -> str:
    """Write a connection for messages and origins: without a password and without options.

    Examples
    --------
    >>> shown_connection(parse_connection("postgresql://me:secret@host:5432/shop?sslpassword=x"))
    'postgresql://me@host:5432/shop'
    """
    from sqlalchemy.engine import URL

    # Made anew: `URL.set(password=None)` keeps the password.
    bare = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
    return bare.render_as_string(hide_password=True)


def open_engine(url: URL) -> Engine:
    """Make an engine whose sessions only read.

    Raises
    ------
    MissingExtraError
        If the driver isn't installed.
    ReadError
        If the kind of database isn't known.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    from sqlalchemy.pool import NullPool

    backend = url.get_backend_name()
    arguments: dict[str, Any] = {}
    if backend == "postgresql":
        # Also where a transaction should end in a way that nobody foresaw, the next one only reads.
        arguments = {
            "connect_timeout": _CONNECT_SECONDS,
            "options": "-c default_transaction_read_only=on -c standard_conforming_strings=on",
            "application_name": "workbench",
        }
    try:
        return create_engine(url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        package = _DRIVERS.get(backend)
        if package is None:
            raise ReadError(
                f"Got a connection to {backend!r}, a database that isn't known. Needed postgresql, sqlite, mysql or "
                "another that SQLAlchemy has a dialect for. Correct the beginning, or install its dialect."
            ) from None
        raise _missing(backend, package) from None
    except ModuleNotFoundError as error:
        raise _missing(backend, _DRIVERS.get(backend, error.name or backend)) from None
    except (ArgumentError, TypeError) as error:
        raise ReadError(
            f"Got a connection to {shown_connection(url)} that can't be opened ({redacted(error, url)}). Correct it."
        ) from None


def _missing(backend: str, package: str) -> MissingExtraError:
    return MissingExtraError(
        f"Got a connection to {backend}, whose driver isn't installed. Reading from it needs {package}: "
        f"pip install '{package}'."
    )


def redacted(error: BaseException, url: URL) -> str:
    """Give the first line of what a driver says, with every secret of the connection blotted out."""
    origin = getattr(error, "orig", None) or error
    said = " ".join(line.strip() for line in str(origin).splitlines() if line.strip())[:300]
    secrets = [str(url.password or ""), *(str(value) for key, value in url.query.items() if _is_secret(key))]
    for secret in secrets:
        if secret:
            said = said.replace(secret, "***")
    return said or type(origin).__name__


@contextmanager
def database_errors(url: URL) -> Iterator[None]:
    """Turn a driver's words into a `ReadError` without any secret, also in what was raised before it."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (ReadError, MissingExtraError):
        raise
    except Exception as error:
        if not isinstance(error, SQLAlchemyError) and not any(
            kind.__name__ == "Error" and "BaseException" not in kind.__name__ for kind in type(error).__mro__
        ):
            raise
        # `from None`: what the driver raised may quote the whole connection string.
        raise ReadError(_words(redacted(error, url), url)) from None


def _words(said: str, url: URL) -> str:
    where, lower = shown_connection(url), said.lower()
    if "password" in lower or "authentication" in lower or 'role "' in lower:
        return f"Got no entry to {where} ({said}). Needed a user and password that it knows; correct them."
    if "read-only" in lower or "read only" in lower or "readonly" in lower:
        return f"Got a query on {where} that would write ({said}). Nothing was changed. Needed one SELECT; rewrite it."
    if "statement timeout" in lower or "canceling statement" in lower:
        return f"Got a query on {where} that took too long ({said}). Needed an answer in time; ask for less."
    if 'database "' in lower and "does not exist" in lower:
        return f"Got {where}, but there is no such database ({said}). Correct its name."
    if "does not exist" in lower or "no such table" in lower or "doesn't exist" in lower:
        return f"Got a query that {where} can't answer ({said}). Needed tables and columns that it has; correct it."
    if "syntax error" in lower:
        return f"Got a query that {where} doesn't understand ({said}). Needed one SELECT; correct it."
    if any(word in lower for word in ("connection", "connect", "resolve", "timeout", "refused", "could not translate")):
        return f"Got no answer from {where} ({said}). Needed a database there; check host, port and network."
    return f"Got an error from {where} ({said}). Needed the rows of a table or query; correct the query."
