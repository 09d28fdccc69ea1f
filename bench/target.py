"""The target file: all that the tools know about the system under test, so that another one can be driven by them.

Templates are TOML values in which `$name` stands for a value. A string that is nothing but `$name` becomes the value
itself, so that numbers stay numbers. Paths into answers are dotted: `data.0.id`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field

DEFAULT = Path(__file__).with_name("targets") / "threadneedle.toml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Call(_Part):
    """One request. `server` names a URL of the run file; `keep` names what is kept of the answer, by path."""

    server: str = "api"
    method: str = "POST"
    path: str
    headers: dict[str, str] = {}
    body: Any = None
    accepted: frozenset[int] = frozenset({200, 201, 202, 204})
    keep: dict[str, str] = {}


class Step(Call):
    """One request of the registration; `each_lane` repeats it for every lane, with the lane's values."""

    each_lane: bool = False


class Login(Call):
    """OAuth client credentials by HTTP Basic; the answer's `token` and `lifetime` (seconds) by path."""

    form: dict[str, str]
    token: str
    lifetime: str


class Batch(Call):
    """Many events at once: `items` names the request's list of them, `answers` the answer's, one per event."""

    items: str
    answers: str
    item_status: str


class Arrives(_Part):
    """What a webhook looks like: names of headers, and paths into its body.

    `sequence_header` is for systems that number what each endpoint is sent, from 1 and without gaps.
    """

    id_header: str
    cause_header: str
    key: str
    type: str
    subject: str
    sequence_header: str = ""


class Pages(Call):
    """A list that is read to its end, page by page."""

    method: str = "GET"
    items: str
    next_cursor: str
    cursor_parameter: str


class Payments(_Part):
    """How to pay, which amounts make the bank misbehave (minor units, with their weights), and what statuses mean.

    `ask` keeps `status`.
    """

    pay: Call
    ask: Call
    amounts: dict[str, int]
    weights: dict[str, int]
    paid: frozenset[str]
    unpaid: frozenset[str]


class Books(_Part):
    """The bank's own books. `moved` says of an entry whether money has moved, even if it came back.

    `ours` and `theirs` are regular expressions that find our key, and the reference under which the books have it, in
    the order that the system sends to the bank.
    """

    read: Call
    ours: str
    theirs: str
    items: str
    reference: str
    moved: str


class Start(_Part):
    """How to start things: commands after the Python interpreter, the files they write under `$state`, environment.

    `disk` is the folder, under the servers' state, that is put on a disk which can be filled. `bank` prints one line of
    JSON when it listens, from which `bank_keep` is kept for the registration. In the environment of the system,
    `$gateway_port` and `$admin_port` are free ports, the same ones after each restart. `roles` start further processes
    beside a running system, in its environment and `further_environment`, whose names are those of the run file; each
    writes `ready_word` when it is ready.
    """

    servers: list[str]
    servers_file: str
    disk: str
    system: list[str]
    run_file: str
    bank: list[str]
    bank_keep: dict[str, str]
    clock_skew_variable: str
    environment: dict[str, str] = {}
    roles: dict[str, list[str]] = {}
    further_environment: dict[str, str] = {}
    ready_word: str = ""


class BankFaults(_Part):
    """How the bank is told to misbehave: a call that takes one of the named bodies as `$fault`."""

    call: Call
    bodies: dict[str, dict[str, Any]]


class Target(_Part):
    """The whole file. `limit_client` lets a client publish `$rate` events a second and no more."""

    name: str
    servers: dict[str, str]
    login: Login
    register_steps: list[Step] = Field(alias="register")
    publish: Call
    batch: Batch | None = None
    payments: Payments | None = None
    books: Books | None = None
    deliveries: Pages
    feed: Pages
    arrives: Arrives
    start: Start
    bank_faults: BankFaults | None = None
    limit_client: Call | None = None

    @classmethod
    def load(cls, path: Path = DEFAULT) -> Self:
        """Read a target file. Raises pydantic.ValidationError for one that is not complete."""
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


class RunFile:
    """What the running system says of itself; read anew at each use, because a restart may change ports and pids."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """The present content; empty while there is none."""
        try:
            content = orjson.loads(self.path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return {}
        return dict(content)


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its names replaced. Raises KeyError for a name without a value."""
    if isinstance(template, dict):
        return {name: fill(inner, values) for name, inner in template.items()}
    if isinstance(template, list):
        return [fill(inner, values) for inner in template]
    if not isinstance(template, str):
        return template
    if template.startswith("$") and template[1:].isidentifier():
        return values[template[1:]]
    return Template(template).substitute(values)


def pick(document: Any, path: str) -> Any:
    """What stands at a dotted path, or None; the empty path is the document, `*` is every item of a list."""
    steps = path.split(".") if path else []
    for place, step in enumerate(steps):
        if step == "*":
            return [pick(inner, ".".join(steps[place + 1 :])) for inner in document or []]
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
