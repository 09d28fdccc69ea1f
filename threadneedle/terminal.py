"""How a command runs to its end and shows what came of it; exit statuses as threadneedle/cli.py lists them."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import structlog
import typer
import uvloop
from redis.exceptions import RedisError

from adapters.registry import InconsistentDeclaration
from config.embedded.binaries import NoServer
from config.embedded.process.child import ServerFailed
from config.keys import KeysError
from config.loading import SettingsError
from config.resources import ResourceError
from kernel.errors import Invalid, Refused
from kernel.sealing import SealError
from threadneedle.local.roles import NotReady
from threadneedle.local.runfile import AlreadyRunning

if TYPE_CHECKING:
    from rich.console import Console

WRONG = 2
AWAY = 3

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def run_to_end(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run to the end; what a person can mend is one line and an exit status, not a stack trace.

    Log lines go to stderr, so that stdout is the result alone; a role sets up its own logs.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main())
    except (SettingsError, KeysError, SealError, InconsistentDeclaration, AlreadyRunning, Refused) as error:
        _complain(error, WRONG)
    except (NoServer, ServerFailed, NotReady, ResourceError, asyncpg.PostgresError, RedisError, OSError) as error:
        _complain(error, AWAY)


def console() -> "Console":
    """Where people read."""
    from rich.console import Console

    return Console()


def _complain(error: Exception, status: int) -> None:
    sys.stderr.write(f"threadneedle: {_words(error)}\n")
    raise typer.Exit(status)


def _words(error: Exception) -> str:
    """Of wrong fields each by its name, with what would be right; of others what to do next, where they say it."""
    if isinstance(error, Invalid):
        return "; ".join(f"{each.pointer.removeprefix('/')}: {each.message}" for each in error.errors)
    if isinstance(error, Refused) and error.action:
        return f"{error} {error.action}"
    return str(error)


def show(result: dict[str, Any], *, as_json: bool) -> None:
    """A result, a whole line for each of its members, or as JSON."""
    out = console()
    if as_json:
        out.print_json(data=result)
        return
    for name, value in result.items():
        out.print(f"{name}: {in_words(value)}", highlight=False, markup=False, soft_wrap=True)


def in_words(value: Any) -> str:
    """A value for people: `-` for none, yes or no, a list by commas, members by their names."""
    if value is None or value in ([], {}, ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_words(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(in_words(each) for each in value)
    return str(value)


def show_list(items: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """A line for each, which begins with its id and tells these members, or all members of all as JSON."""
    out = console()
    if as_json:
        out.print_json(data={"data": items})
        return
    for item in items:
        out.print(f"{item['id']}: {', '.join(_told(item, columns))}", highlight=False, markup=False, soft_wrap=True)


def _told(item: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """What there is of them; a time says of what it is, and of what has states of its own it is the state."""
    values = {name: item[name] for name in columns if item[name] is not None}
    return [
        f"{name.removesuffix('_at')} {value}" if name.endswith("_at") else _state_of(value)
        for name, value in values.items()
    ]


def _state_of(value: Any) -> str:
    return in_words(value["state"] if isinstance(value, Mapping) else value)
