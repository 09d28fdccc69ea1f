"""The verbs of `threadneedle signing-keys`."""

from typing import Annotated

import typer

from threadneedle.terminal import Json, run_to_end, show

signing_keys_app = typer.Typer(no_args_is_help=True, help="The keys that sign access tokens.")


@signing_keys_app.command("list")
def list_keys(*, json: Json = False) -> None:
    """List the keys that stand in the JWKS, the one that signs last first."""
    from threadneedle.signing_keys import rotating

    show(run_to_end(rotating.show_keys), as_json=json)


@signing_keys_app.command("rotate")
def rotate(
    *,
    compromised: Annotated[bool, typer.Option(help="Replace every key, which ends every access token.")] = False,
    json: Json = False,
) -> None:
    """Publish the next key now; it signs after the usual time, and no token ends by it."""
    from threadneedle.signing_keys import rotating

    show(run_to_end(lambda: rotating.rotate(compromised=compromised)), as_json=json)
