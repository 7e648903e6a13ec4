"""Connection strings: secrets filled in from the environment where that is allowed, and never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import MissingExtraError, ReadError
from workbench.settings import Settings, environment_value

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9_]*)(\+[a-zA-Z0-9_]+)?://")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_QUOTED_VARIABLE = re.compile(r"%24%7B([A-Za-z_][A-Za-z0-9_]*)%7D")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*)|[0-9a-fA-F:.]+")
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

# What a visitor of the page may connect to: servers that are asked over the network, with a password.
_SERVERS = frozenset(
    "postgresql cockroachdb redshift mysql mariadb mssql oracle clickhouse trino snowflake databricks".split()
)
# Options that name neither a file of this machine nor another host.
_USUAL_OPTIONS = ("sslmode", "connect_timeout", "charset", "schema", "warehouse", "role", "catalog")


def is_connection(source: str) -> bool:
    """Whether a source is a database's connection string and not a path.

    Examples
    --------
    >>> is_connection("postgresql://reader:${PASSWORD}@db.example/shop"), is_connection("data/shop.csv")
    (True, False)
    """
    match = _SCHEME.match(source)
    return match is not None and match[1].lower() not in _NO_DATABASES


@dataclass(frozen=True)
class Connection:
    """A connection string taken apart, as it was typed and as it is used.

    Parameters
    ----------
    typed : URL
        With ``${NAME}`` where variables stand.
    url : URL
        With their values.
    values : mapping of str to str
        The value of each variable that was filled in.
    """

    typed: URL
    url: URL
    values: Mapping[str, str]

    @property
    def backend(self) -> str:
        """The kind of database: ``postgresql``, ``sqlite``."""
        return self.url.get_backend_name()

    @property
    def shown(self) -> str:
        """For messages and origins: as typed, without a password and without options."""
        return shown_connection(self.typed)

    def redacted(self, error: BaseException) -> str:
        """Give the first line of what a driver says, with every secret and every variable's value blotted out."""
        origin = getattr(error, "orig", None) or error
        said = " ".join(line.strip() for line in str(origin).splitlines() if line.strip())
        for name, value in sorted(self.values.items(), key=lambda pair: -len(pair[1])):
            if value:
                said = said.replace(value, f"${{{name}}}")
        for secret in _secrets(self.url):
            if secret:
                said = said.replace(secret, "***")
        return said[:300] or type(origin).__name__


def holds_secret(connection: str) -> bool:
    """Whether a password stands in a connection string itself, not as ``${NAME}``.

    Examples
    --------
    >>> holds_secret("postgresql://me:secret@host/shop"), holds_secret("postgresql://me:${PASSWORD}@host/shop")
    (True, False)
    """
    return any(_VARIABLE.sub("", secret) for secret in _secrets(parse_connection(connection)))


def _secrets(url: URL) -> list[str]:
    return [str(url.password or ""), *(str(value) for key, value in url.query.items() if _is_secret(key))]


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in ("pass", "secret", "token", "key", "credential"))


def parse_connection(connection: str) -> URL:
    """Take a connection string apart; variables stay as they are typed.

    Raises
    ------
    ReadError
        If it can't be; the message shows nothing of what stands in it.
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
    driver = url.drivername.lower()
    return url.set(drivername=names.get(driver, driver))


def connect_to(connection: str, settings: Settings) -> Connection:
    """Take a connection string apart, and fill in the variables that may be sent to its host.

    Raises
    ------
    ReadError
        If it can't be taken apart, or a variable stands in its host or path, isn't allowed for its host, or isn't set.
    """
    typed = parse_connection(connection)
    _refuse_variables_in_places(typed)
    names = {name for part in _filled_parts(typed) for name in _VARIABLE.findall(part)}
    values = {name: _value(name, typed, settings) for name in sorted(names)}

    def filled(text: str) -> str:
        return _VARIABLE.sub(lambda match: values[match[1]], text)

    # Filled in part by part, so that a password may hold any letter.
    url = typed.set(
        username=filled(typed.username) if typed.username is not None else None,
        password=filled(str(typed.password)) if typed.password is not None else None,
        query={
            key: filled(value) if isinstance(value, str) and _takes_variable(key) else value
            for key, value in typed.query.items()
        },
    )
    return Connection(typed, url, values)


def _takes_variable(option: str) -> bool:
    return any(word in option.lower() for word in ("password", "secret", "token"))


def _filled_parts(url: URL) -> list[str]:
    options = (value for key, value in url.query.items() if isinstance(value, str) and _takes_variable(key))
    return [url.username or "", str(url.password or ""), *options]


def _refuse_variables_in_places(url: URL) -> None:
    others = (str(value) for key, value in url.query.items() if not (isinstance(value, str) and _takes_variable(key)))
    for part in (url.host or "", url.database or "", *others):
        if match := _VARIABLE.search(part):
            raise ReadError(
                f"The variable {match[0]} stands in the host, the path or an option of {shown_connection(url)}; only "
                "user and password are filled in. Write the name itself there."
            )


def _value(name: str, url: URL, settings: Settings) -> str:
    host = (url.host or "").lower()
    pairs = (entry.strip().rpartition("@") for entry in settings.connection_variables.split(","))
    hosts = {allowed.lower() for found, _, allowed in pairs if found == name}
    if host not in hosts and "*" not in hosts:
        raise ReadError(
            f"The environment variable {name} may not be sent to {url.host or url.get_backend_name()}. Whoever runs "
            f"the workbench can allow it: WORKBENCH_CONNECTION_VARIABLES={name}@{url.host or 'HOST'}."
        )
    moving = [key for key in url.query if not (key in _USUAL_OPTIONS or key.startswith("ssl") or _is_secret(key))]
    if moving and "*" not in hosts:
        raise ReadError(
            f"The option {moving[0]!r} of {shown_connection(url)} may lead to another host, which {name} must not be "
            "sent to. Leave it out."
        )
    found = environment_value(name)
    if found is None:
        raise ReadError(
            f"Got a connection string with ${{{name}}}, needed the environment variable {name}, which "
            "isn't set. Set it before the workbench is started, or correct its name."
        )
    return found


def check_visitor(url: URL) -> None:
    """Refuse what somebody who has only the page must not reach through a connection string.

    A connection leads over the network to a database server that is named, with a password that is given: no files of
    this machine, no sockets, no credentials that lie here, no option that names a file or another host.

    Raises
    ------
    ReadError
        With what is refused.
    """
    backend = url.get_backend_name()
    if backend not in _SERVERS or url.drivername not in (backend, "postgresql+psycopg", "mysql+pymysql"):
        known = ", ".join(sorted(_SERVERS))
        raise ReadError(
            f"This page doesn't connect to {url.drivername!r}. Give the address of a database server ({known}), or of "
            "an SQLite file in the server's folder of files; other files can be uploaded."
        )
    if not url.host or not _HOST.fullmatch(url.host):
        raise ReadError(
            f"The connection {shown_connection(url)} names no host. Write it as "
            "postgresql://USER:${PASSWORD}@HOST/DATABASE."
        )
    if not url.username or not url.password:
        raise ReadError(
            f"The connection {shown_connection(url)} names no user and password. Add both; the password may be the "
            "name of a variable, ${PASSWORD}."
        )
    refused = [key for key in url.query if key not in _USUAL_OPTIONS]
    if refused:
        raise ReadError(
            f"This page doesn't take the option {refused[0]!r} in a connection. Leave it out; "
            f"{', '.join(_USUAL_OPTIONS)} are taken."
        )


def shown_connection(url: URL) -> str:
    """Write a connection for messages and origins: without a password and without options.

    Examples
    --------
    >>> shown_connection(parse_connection("postgresql://me:secret@host:5432/shop?sslpassword=x"))
    'postgresql://me@host:5432/shop'
    >>> shown_connection(parse_connection("postgresql://${ME}:${SECRET}@host/shop"))
    'postgresql://${ME}@host/shop'
    """
    from sqlalchemy.engine import URL

    # Made anew: `URL.set(password=None)` keeps the password.
    bare = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database)
    return _QUOTED_VARIABLE.sub(r"${\1}", bare.render_as_string(hide_password=True))


def open_engine(connection: Connection) -> Engine:
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

    backend = connection.backend
    arguments: dict[str, Any] = {}
    if backend == "postgresql":
        # Also where a transaction should end in a way that nobody foresaw, the next one only reads.
        arguments = {
            "connect_timeout": _CONNECT_SECONDS,
            "options": "-c default_transaction_read_only=on -c standard_conforming_strings=on",
            "application_name": "workbench",
        }
    try:
        return create_engine(connection.url, connect_args=arguments, poolclass=NullPool, hide_parameters=True)
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
            f"Got a connection to {connection.shown} that can't be opened ({connection.redacted(error)}). Correct it."
        ) from None


def _missing(backend: str, package: str) -> MissingExtraError:
    return MissingExtraError(
        f"Got a connection to {backend}, whose driver isn't installed. Reading from it needs {package}: "
        f"pip install '{package}'."
    )


@contextmanager
def database_errors(connection: Connection) -> Iterator[None]:
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
        raise ReadError(_words(connection.redacted(error), connection.shown)) from None


def _words(said: str, where: str) -> str:
    lower = said.lower()
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
