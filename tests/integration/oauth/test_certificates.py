"""tls_client_auth and self_signed_tls_client_auth behind a proxy of ours (RFC 8705 §2, RFC 9440)."""

from base64 import b64encode
from dataclasses import replace

import pytest

from tests.support.edge import Edge
from tests.support.oauth import Holder, Registered, ask, holder, is_refused, register

NAMES = {
    "tls_client_auth_san_dns": ("dns", "shop.example.com"),
    "tls_client_auth_san_uri": ("uri", "urn:example:shop"),
    "tls_client_auth_san_ip": ("ip", "203.0.113.9"),
    "tls_client_auth_san_email": ("email", "shop@example.com"),
}
DN = {"tls_client_auth_subject_dn": "CN=Example Client"}


async def tls_client(edge: Edge, **subject: str) -> Registered:
    made = await register(edge, token_endpoint_auth_method="tls_client_auth", **subject)
    assert made.answer.status == 201, made.answer.raw
    return made


@pytest.mark.parametrize("name", NAMES)
async def test_a_certificate_names_its_client(edge: Edge, authority: Holder, name: str) -> None:
    """A certificate of our authority with the registered alternative name is a proof; with another it is none."""
    kind, value = NAMES[name]
    client = await tls_client(edge, **{name: value})
    form = {"client_id": client.id}
    good = holder(issuer=authority, **{kind: value})
    assert (await ask(edge, form, **good.header)).status == 200
    other = {"ip": "203.0.113.10", "email": "x@example.com", "uri": "urn:example:other"}.get(kind, "x.example.com")
    assert is_refused(await ask(edge, form, **holder(issuer=authority, **{kind: other}).header), "certificate")
    assert is_refused(await ask(edge, form, **holder(issuer=authority).header), "certificate")


async def test_a_certificate_names_its_client_by_its_subject(edge: Edge, authority: Holder) -> None:
    """The distinguished name counts as a whole."""
    client = await tls_client(edge, **DN)
    assert (await ask(edge, {"client_id": client.id}, **holder(issuer=authority).header)).status == 200
    assert is_refused(await ask(edge, {"client_id": client.id}, **holder("Another", issuer=authority).header))


async def test_only_our_authorities_count(edge: Edge, authority: Holder) -> None:
    """The right name under a foreign authority, its own signature, a namesake of ours, or past its time: no proof."""
    client = await tls_client(edge, **DN)
    namesake = holder("Example Authority", is_ca=True)
    middle = holder("Example Middle", issuer=authority)
    for shown in (
        holder(),
        holder(issuer=namesake),
        holder(issuer=middle),
        holder(issuer=authority, days=-1),
        replace(holder(issuer=authority), certificate=authority.certificate),
    ):
        assert is_refused(await ask(edge, {"client_id": client.id}, **shown.header), "certificate")
    assert is_refused(await ask(edge, {"client_id": client.id}))


async def test_a_certificate_that_cannot_be_read_is_no_proof(edge: Edge) -> None:
    """Also where only a part of it cannot: a version or an alternative name that there is not."""
    client = await tls_client(edge, tls_client_auth_san_dns="shop.example.com")
    der = holder(dns="shop.example.com").der
    for good, odd in ((b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x3c"), (b"\x82\x10shop", b"\xa3\x10shop")):
        assert good in der
        shown = {"Client-Cert": f":{b64encode(der.replace(good, odd, 1)).decode()}:"}
        assert is_refused(await ask(edge, {"client_id": client.id}, **shown), "certificate")


async def test_a_self_signed_certificate_is_known_byte_for_byte(edge: Edge, authority: Holder) -> None:
    """The registered certificates prove the client, and no other of the same name or issuer does."""
    first, second = holder(), holder()
    made = await register(
        edge, token_endpoint_auth_method="self_signed_tls_client_auth", jwks={"keys": [first.jwk, second.jwk]}
    )
    assert made.answer.status == 201, made.answer.raw
    for shown in (first, second):
        assert (await ask(edge, {"client_id": made.id}, **shown.header)).status == 200
    for shown in (holder(), holder(issuer=authority), holder(issuer=first)):
        assert is_refused(await ask(edge, {"client_id": made.id}, **shown.header), "certificate")
    changed = await edge.call("PATCH", made.path, admin=True, json={"jwks": {"keys": [second.jwk]}})
    assert changed.status == 200, changed.raw
    assert is_refused(await ask(edge, {"client_id": made.id}, **first.header), "certificate")


async def test_a_certificate_is_no_proof_for_a_client_of_another_method(edge: Edge, authority: Holder) -> None:
    """A secret's client is not let in by whatever certificate its connection has."""
    made = await register(edge)
    assert is_refused(await ask(edge, {"client_id": made.id}, **holder(issuer=authority).header))
    tls = await tls_client(edge, **DN)
    assert is_refused(await edge.token(tls.id, "tns_x"))
