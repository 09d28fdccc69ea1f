"""The command line: run the roles, prepare a database, register partners.

Exit status: 0 done; 1 the journey or the check did not hold; 2 wrong usage or settings; 3 a store or a role is away.
"""
# Each verb imports what it needs: everything at once would cost every role a second of its start.

import sys
from pathlib import Path
from typing import Annotated

import typer

from threadneedle.clients.commands import client_app
from threadneedle.listing.commands import bank_app, endpoint_app, merchant_app, partner_app
from threadneedle.signing_keys.commands import signing_keys_app
from threadneedle.terminal import Json, console, run_to_end, show

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
token_app = typer.Typer(no_args_is_help=True, help="Admin API tokens.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit log and its chain.")
keys_app = typer.Typer(no_args_is_help=True, help="Key-encryption keys and data keys.")
app.add_typer(partner_app, name="partner")
app.add_typer(client_app, name="client")
app.add_typer(merchant_app, name="merchant")
app.add_typer(endpoint_app, name="endpoint")
app.add_typer(bank_app, name="bank")
app.add_typer(token_app, name="admin-token")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.add_typer(signing_keys_app, name="signing-keys")

State = Annotated[Path, typer.Option(help="The folder that holds everything that this run makes.")]


@app.command()
def up(
    state: State = Path("var"),
    *,
    embedded: Annotated[bool, typer.Option(help="Start PostgreSQL and Valkey too.")] = False,
    demo: Annotated[bool, typer.Option(help="Play the journey.")] = False,
    once: Annotated[bool, typer.Option(help="End after the journey.")] = False,
) -> None:
    """Run every role and a sandbox bank on this machine."""
    from threadneedle.local import up as local

    options = local.UpOptions(state=state.absolute(), embedded=embedded, demo=demo, once=once)
    held = run_to_end(lambda: local.up(options, console()))
    raise typer.Exit(0 if held else 1)


@app.command()
def servers(state: State = Path("var")) -> None:
    """Run an embedded PostgreSQL and Valkey alone."""
    from threadneedle.local import up as local

    run_to_end(lambda: local.servers(state.absolute(), console()))


@app.command()
def demo(state: State = Path("var")) -> None:
    """Play the journey against what `up` started."""
    from threadneedle.local import up as local

    held = run_to_end(lambda: local.demo(state.absolute(), console()))
    raise typer.Exit(0 if held else 1)


@app.command()
def gateway() -> None:
    """Run the HTTP edge: the partners' API and the admin API."""
    from threadneedle.roles import gateway as role

    run_to_end(role.run)


@app.command()
def dispatcher() -> None:
    """Run a dispatcher: it signs and sends webhooks."""
    from threadneedle.roles import dispatcher as role

    run_to_end(role.run)


@app.command()
def worker() -> None:
    """Run a worker: reconciler, sweeper, inbox, retention."""
    from threadneedle.roles import worker as role

    run_to_end(role.run)


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    from threadneedle.preparation import prepare

    run_to_end(prepare)


@app.command()
def doctor(*, json: Json = False) -> None:
    """Say what a production set-up lacks."""
    from threadneedle.doctor import examine

    healthy = run_to_end(lambda: examine(console(), as_json=json))
    raise typer.Exit(0 if healthy else 1)


@partner_app.command("create")
def create_partner(
    name: str, tier: Annotated[str, typer.Option(help="Which limits apply.")] = "standard", *, json: Json = False
) -> None:
    """Register a partner with its test and live environments."""
    from threadneedle import registering

    show(run_to_end(lambda: registering.create_partner(name, tier)), as_json=json)


@token_app.command("create")
def create_token(
    name: str,
    days: Annotated[
        int | None, typer.Option(help="How long it is good; without it, until it is revoked.", min=1, max=3650)
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Make an admin API token; it is shown this once."""
    from threadneedle import registering

    show(run_to_end(lambda: registering.create_admin_token(name, days)), as_json=json)


@token_app.command("list")
def list_tokens(*, json: Json = False) -> None:
    """Print the admin API tokens by their ids, as the audit log names who acts; never the tokens themselves."""
    from threadneedle import registering

    show(run_to_end(registering.list_admin_tokens), as_json=json)


@token_app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="The token's id, adm_…, not the token.")], *, json: Json = False
) -> None:
    """End an admin API token, from the next request on; the audit log says who did."""
    from threadneedle import registering

    show(run_to_end(lambda: registering.revoke_admin_token(token)), as_json=json)


@keys_app.command("rewrap")
def rewrap_keys(*, json: Json = False) -> None:
    """Wrap every data key by the first key-encryption key; at 0 the old one may go."""
    from threadneedle import registering

    show(run_to_end(registering.rewrap_keys), as_json=json)


@keys_app.command("rotate")
def rotate_keys(
    partner: Annotated[str, typer.Argument(help="The partner's id, ptn_…, or: installation")],
    merchant: Annotated[str | None, typer.Option(help="One merchant's id, mer_…; without it: all of them.")] = None,
    *,
    json: Json = False,
) -> None:
    """Give a partner and its merchants new data keys; workers seal anew what the old ones sealed, then destroy them."""
    from threadneedle import registering

    show(run_to_end(lambda: registering.rotate_keys(partner, merchant)), as_json=json)


@keys_app.command("status")
def show_rotations() -> None:
    """Print the rotations of data keys that are under way."""
    from threadneedle import registering

    show(run_to_end(registering.running_rotations), as_json=True)


@audit_app.command("verify")
def verify_audit(
    since: Annotated[str, typer.Option(help="Begin at the last head signed before this day, YYYY-MM-DD.")] = "",
    expect: Annotated[str, typer.Option(help="POSITION:HASH that a log line or an export once said.")] = "",
    unchained: Annotated[float, typer.Option(help="Seconds that an entry may wait for its place.")] = 300.0,
    *,
    json: Json = False,
) -> None:
    """Say whether the audit log is as it was written, and where it is not."""
    from threadneedle import auditing

    order = auditing.VerifyOrder(since=since, expect=expect, unchained_seconds=unchained)
    report = run_to_end(lambda: auditing.verify(order))
    show(report, as_json=json)
    raise typer.Exit(0 if report["holds"] else 1)


@audit_app.command("export")
def export_audit() -> None:
    """Print the audit log and its heads, a JSON line each; docs/verify_audit_log.py verifies them anywhere."""
    from threadneedle import auditing

    run_to_end(lambda: auditing.export(sys.stdout.buffer))


@audit_app.command("keys")
def show_audit_keys() -> None:
    """Print the public keys of the heads as a JWK set; keep it where the database's writers cannot change it."""
    from threadneedle import auditing

    show(run_to_end(auditing.public_keys), as_json=True)
