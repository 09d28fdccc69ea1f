"""The verbs that list: `partner list`, `client list`, and those of what is changed over the API alone."""

from typing import Annotated

import typer

from threadneedle.clients.commands import client_app
from threadneedle.terminal import Json, run_to_end, show_list

partner_app = typer.Typer(no_args_is_help=True, help="Partners: the organisations that call the API.")
merchant_app = typer.Typer(no_args_is_help=True, help="Merchants of partners.")
bank_app = typer.Typer(no_args_is_help=True, help="Banks.")
endpoint_app = typer.Typer(no_args_is_help=True, help="Webhook endpoints.")

Partner = Annotated[str, typer.Argument(help="The partner's id, ptn_…")]


@partner_app.command("list")
def list_partners(*, json: Json = False) -> None:
    """List the partners, newest first."""
    from threadneedle.listing import reading

    show_list(run_to_end(reading.partners), ("name", "tier", "state", "created_at"), as_json=json)


@client_app.command("list")
def list_clients(partner: Partner, *, json: Json = False) -> None:
    """List a partner's clients, newest first; secrets are never shown again."""
    from threadneedle.listing import reading

    columns = ("name", "environment", "token_endpoint_auth_method", "state", "created_at")
    show_list(run_to_end(lambda: reading.clients(partner)), columns, as_json=json)


@merchant_app.command("list")
def list_merchants(partner: Partner, *, json: Json = False) -> None:
    """List a partner's merchants, newest first; their names are masked."""
    from threadneedle.listing import reading

    columns = ("name", "environment", "state", "created_at")
    show_list(run_to_end(lambda: reading.merchants(partner)), columns, as_json=json)


@bank_app.command("list")
def list_banks(*, json: Json = False) -> None:
    """List the banks, and how each fared in the last minute."""
    from threadneedle.listing import reading

    columns = ("name", "adapter", "environment", "state", "health")
    show_list(run_to_end(reading.banks), columns, as_json=json)


@endpoint_app.command("list")
def list_endpoints(partner: Partner, *, json: Json = False) -> None:
    """List a partner's webhook endpoints, and which of them are disabled, paused or held."""
    from threadneedle.listing import reading

    columns = ("url", "environment", "merchant_id", "state", "state_reason", "disabled_at", "paused_at", "held_at")
    show_list(run_to_end(lambda: reading.endpoints(partner)), columns, as_json=json)
