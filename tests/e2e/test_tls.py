"""TLS that ends in the gateway's own process, and clients that show their certificates in its handshake."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.gateways import gateways
from tests.e2e.running import Running
from tests.e2e.test_command_line import run
from tests.support.oauth import Holder, holder

FORM = {"grant_type": "client_credentials"}


def written(folder: Path, name: str, shown: Holder) -> tuple[str, str]:
    """The paths of its certificate and of its key."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    for file, content in zip(files, (shown.pem, shown.key_pem), strict=True):
        file.write_bytes(content)
    return str(files[0]), str(files[1])


def context(authority: Holder, certificate: tuple[str, str]) -> ssl.SSLContext:
    """A client that believes this authority and shows this certificate."""
    made = ssl.create_default_context(cadata=authority.pem.decode())
    made.check_hostname = False  # the process is found by its address
    made.load_cert_chain(*certificate)
    return made


async def ask(url: str, client_id: str, tls: ssl.SSLContext) -> tuple[int, Any]:
    """Ask for a token and, with it, for payments."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        async with session.post(f"{url}/oauth/token", data={**FORM, "client_id": client_id}) as answer:
            token = await answer.json()
        if answer.status != 200:
            return answer.status, token["error"]
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        async with session.get(f"{url}/v1/payments", headers=headers) as read:
            assert "Strict-Transport-Security" in read.headers
            return answer.status, read.status


@pytest.mark.timeout(120)
async def test_certificates_prove_clients_where_tls_ends_in_the_process(running: Running, tmp_path: Path) -> None:
    """A certificate of our authority, and one that was registered a second ago, each prove their own client alone."""
    authority = holder("Example Authority", is_ca=True)
    server = written(tmp_path, "server", holder("gateway.example.com", issuer=authority))
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    settings = {
        "DATABASE_URL": running.file.database_url,
        "THREADNEEDLE_KEYS__FILE": str(running.state / "keys"),
        "THREADNEEDLE_OAUTH__CLIENT_CA_FILE": str(tmp_path / "ca.pem"),
        "THREADNEEDLE_GATEWAY__TLS_CERTIFICATE_FILE": server[0],
        "THREADNEEDLE_GATEWAY__TLS_KEY_FILE": server[1],
    }

    async def register(partner: str, *members: str) -> str:
        pairs = [part for member in members for part in ("--set", member)]
        made = await asyncio.to_thread(run, "client", "create", partner, *pairs, "--json", **settings)
        assert made.returncode == 0, made.stderr
        return str(json.loads(made.stdout)["id"])

    created = await asyncio.to_thread(run, "partner", "create", "Example Books Ltd", "--json", **settings)
    partner = json.loads(created.stdout)["id"]
    tls = {"tls_certificate_file": server[0], "tls_key_file": server[1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THREADNEEDLE_OAUTH__CLIENT_CA_FILE", str(tmp_path / "ca.pem"))
        async with gateways(running, 1, **tls) as (gateway,):
            issued, own = holder(issuer=authority), holder("Example Till", is_ca=True)
            (tmp_path / "jwks.json").write_text(json.dumps({"keys": [own.jwk]}), encoding="utf-8")
            by_authority = await register(
                partner, "token_endpoint_auth_method=tls_client_auth", "tls_client_auth_subject_dn=CN=Example Client"
            )
            by_itself = await register(
                partner, "token_endpoint_auth_method=self_signed_tls_client_auth", f"jwks={tmp_path / 'jwks.json'}"
            )
            await asyncio.sleep(1)
            shown = {
                by_authority: context(authority, written(tmp_path, "issued", issued)),
                by_itself: context(authority, written(tmp_path, "own", own)),
            }
            forged = context(authority, written(tmp_path, "forged", holder(issuer=own)))
            assert await ask(gateway.url, by_authority, shown[by_authority]) == (200, 200)
            assert await ask(gateway.url, by_itself, shown[by_itself]) == (200, 200)
            assert await ask(gateway.url, by_itself, shown[by_authority]) == (401, "invalid_client")
            assert await ask(gateway.url, by_authority, shown[by_itself]) == (401, "invalid_client")
            # What calls itself an authority passes the handshake with whatever it signed, and proves nothing.
            assert await ask(gateway.url, by_authority, forged) == (401, "invalid_client")
