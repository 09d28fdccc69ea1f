"""The verbs of `threadneedle client`."""

from typing import Annotated

import typer

from threadneedle.terminal import Json, run_to_end, show

client_app = typer.Typer(no_args_is_help=True, help="OAuth clients of partners.")

Partner = Annotated[str, typer.Argument(help="The partner's id, ptn_…")]
Client = Annotated[str, typer.Argument(help="The client's id, cli_…")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="A scope; say it again for more.")]
Members = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A member as the admin API names it; again for more. jwks=FILE reads a key set, "
        "token_binding_certificates=FILE a PEM file; merchant_ids and networks are lists with commas between. Empty is "
        "none.",
    ),
]


@client_app.command("create")
def create(
    partner: Partner,
    environment: Annotated[str, typer.Option(help="test or live")] = "test",
    scope: Scopes = None,
    members: Members = None,
    *,
    json: Json = False,
) -> None:
    """Register a client; its secret is shown this once. Without scopes it gets all of them."""
    from threadneedle.clients import registering

    given = registering.members_of(members or [], scope or [])
    show(run_to_end(lambda: registering.create_client(partner, environment, given)), as_json=json)


@client_app.command("show")
def read(partner: Partner, client: Client, *, json: Json = False) -> None:
    """Show a client; secrets are never shown again."""
    from threadneedle.clients import registering

    show(run_to_end(lambda: registering.show_client(partner, client)), as_json=json)


@client_app.command("change")
def change(
    partner: Partner, client: Client, scope: Scopes = None, members: Members = None, *, json: Json = False
) -> None:
    """Change a client, everywhere within a second, also for tokens that are out; scopes replace the present ones."""
    from threadneedle.clients import registering

    given = registering.members_of(members or [], scope or [])
    show(run_to_end(lambda: registering.change_client(partner, client, given)), as_json=json)


@client_app.command("rotate-secret")
def rotate_secret(
    partner: Partner,
    client: Client,
    overlap_seconds: Annotated[int | None, typer.Option(help="How long the present secret stays good.")] = None,
    *,
    drop_oldest: Annotated[bool, typer.Option("--drop-oldest", help="End one older than the present now.")] = False,
    json: Json = False,
) -> None:
    """Give a client a new secret, shown this once; the present one stays good for the overlap."""
    from threadneedle.clients import registering

    show(
        run_to_end(lambda: registering.rotate_secret(partner, client, overlap_seconds, is_oldest_dropped=drop_oldest)),
        as_json=json,
    )


@client_app.command("revoke-tokens")
def revoke_tokens(partner: Partner, client: Client, *, json: Json = False) -> None:
    """End all tokens of a client, everywhere within a second; it can get new ones."""
    from threadneedle.clients import registering

    show(run_to_end(lambda: registering.revoke_tokens(partner, client)), as_json=json)
