"""The simulated banks of a local run: their processes, and how an admin would enter them."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from adapters.berlin_group.simulator import Habits, kept_trust, settings_at
from adapters.open_banking_uk.simulator.credentials import Credentials
from threadneedle.demo.partner import Api
from threadneedle.local.environment import Ports
from threadneedle.local.roles import NotReady, Role

SANDBOX_BANK = "sandbox"
UK_BANK = "open-banking-uk"
EU_BANK = "berlin-group"
_SANDBOX_PROCESS, _UK_PROCESS, _EU_PROCESS = "simulator", "ukbank", "eubank"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBank:
    """One bank: its process, where it listens, and its settings; both are kept where the database remembers them."""

    id: str
    name: str
    adapter: str
    url: str
    role: Role
    settings: dict[str, Any]


def local_banks(state: Path, gateway: str, ports: Ports) -> tuple[LocalBank, ...]:
    """The banks of a run."""
    return (
        _sandbox(state, gateway, ports.simulator),
        _open_banking_uk(state, gateway, ports.uk_bank),
        _berlin_group(state, ports.eu_bank),
    )


async def register(admin_url: str, token: str, banks: tuple[LocalBank, ...]) -> None:
    """Each bank under its id; a later run only tells where it listens now. Raises NotReady."""
    async with Api(admin_url, token) as admin:
        for bank in banks:
            told = {"id": bank.id, "adapter": bank.adapter, "environment": "test", "name": bank.name}
            answer = await admin.post("/admin/v1/banks", {**told, "settings": bank.settings})
            if answer.status == 409:
                answer = await admin.patch(f"/admin/v1/banks/{bank.id}", {"settings": bank.settings})
            if answer.status not in (200, 201):
                raise NotReady(f"the bank {bank.id} was not registered: {answer.status} {answer.code}")


def _sandbox(state: Path, gateway: str, port: int) -> LocalBank:
    url, kept = _url(port), _sandbox_secrets(state)
    arguments = (
        *("--port", str(port)),
        *("--token", kept["token"]),
        *("--notification-secret", kept["notification_secret"]),
        *("--callback-url", f"{gateway}/banks/{SANDBOX_BANK}/notifications"),
    )
    return LocalBank(
        id=SANDBOX_BANK,
        name="Sandbox bank",
        adapter="sandbox",
        url=url,
        role=Role(name=_SANDBOX_PROCESS, module="adapters.sandbox.simulator", arguments=arguments),
        settings={"base_url": url, "secrets": kept},
    )


def _open_banking_uk(state: Path, gateway: str, port: int) -> LocalBank:
    url, kept = _url(port), state / "open-banking-uk-bank"
    arguments = (
        *("--port", str(port)),
        *("--credentials", str(kept)),
        *("--callback-url", f"{gateway}/banks/{UK_BANK}/v4.0/event-notifications"),
    )
    return LocalBank(
        id=UK_BANK,
        name="Example Bank (Open Banking UK)",
        adapter="open_banking_uk",
        url=url,
        role=Role(name=_UK_PROCESS, module="adapters.open_banking_uk.simulator", arguments=arguments),
        settings=orjson.loads(Credentials.kept(kept).settings(url, confirm_funds="yes").to_json()),
    )


def _berlin_group(state: Path, port: int) -> LocalBank:
    url, kept = _url(port), state / "berlin-group-bank"
    return LocalBank(
        id=EU_BANK,
        name="Example Bank (Berlin Group)",
        adapter="berlin_group",
        url=url,
        role=Role(
            name=_EU_PROCESS,
            module="adapters.berlin_group.simulator",
            arguments=("--port", str(port), "--keys", str(kept)),
        ),
        settings=orjson.loads(settings_at(url, Habits(), kept_trust(kept)).to_json()),
    )


def _sandbox_secrets(state: Path) -> dict[str, str]:
    path = state / "sandbox-bank"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"{secrets.token_hex(16)} {secrets.token_hex(32)}", encoding="ascii")
    token, notification_secret = path.read_text(encoding="ascii").split()
    return {"token": token, "notification_secret": notification_secret}


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
