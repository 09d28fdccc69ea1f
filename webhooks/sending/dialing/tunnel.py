"""The way through a forward proxy (RFC 9110 §9.3.6): CONNECT to the very address that was checked.

Whatever the proxy says or fails to say is its own failure, never the endpoint's.
"""

import asyncio
import socket
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kernel.masked import Secret
from webhooks.sending.dialing.problems import SendError
from webhooks.sending.model import ErrorClass

_HEAD_BYTES_MAX = 16_384
_END_OF_HEAD = b"\r\n\r\n"
_PORT = 3128
_WORDS = {
    b"403": "the egress proxy does not allow this destination",
    b"407": "the egress proxy wants other credentials",
    b"502": "the egress proxy could not reach the destination",
    b"503": "the egress proxy could not reach the destination",
    b"504": "the egress proxy got no answer from the destination",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressProxy:
    """Where all webhooks leave through; `authorization` is the whole value of Proxy-Authorization."""

    host: str
    port: int
    authorization: Secret | None = None

    @classmethod
    def parse(cls, url: Secret) -> "EgressProxy":
        """`http://user:password@host:port`. Raises ValueError, which repeats nothing of it."""
        try:
            parts = urlsplit(url.reveal())
            port = parts.port or _PORT
        except ValueError:
            raise ValueError("the egress proxy's URL is not valid") from None
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("the egress proxy's URL is http://host:port, with user:password@ before it if need be")
        return cls(host=parts.hostname, port=port, authorization=_basic(parts.username, parts.password))


async def open_tunnel(sock: socket.socket, address: str, port: int, proxy: EgressProxy) -> None:
    """Turn a connection to the proxy into one to the address. Raises SendError of class proxy."""
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, _request(address, port, proxy))
        head = b""
        while _END_OF_HEAD not in head:
            piece = await loop.sock_recv(sock, _HEAD_BYTES_MAX)
            head += piece
            if not piece or len(head) > _HEAD_BYTES_MAX:
                raise SendError(ErrorClass.PROXY, "the egress proxy's answer was no head of HTTP")
    except OSError:
        raise SendError(ErrorClass.PROXY, "the egress proxy closed the connection") from None
    _check(head)


def _request(address: str, port: int, proxy: EgressProxy) -> bytes:
    authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
    return "\r\n".join([*lines, "", ""]).encode()


def _check(head: bytes) -> None:
    """Only a 2xx opens a tunnel, and the receiver is silent until we speak; a refusal may have a body."""
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if not words[0].startswith(b"HTTP/1.") or len(words) == 1:
        raise SendError(ErrorClass.PROXY, "the egress proxy's answer was no head of HTTP")
    if not words[1].startswith(b"2"):
        raise SendError(ErrorClass.PROXY, _WORDS.get(words[1], "the egress proxy refused the connection"))
    if head.partition(_END_OF_HEAD)[2]:
        raise SendError(ErrorClass.PROXY, "the egress proxy spoke into the tunnel")


def _basic(user: str | None, password: str | None) -> Secret | None:
    if user is None:
        return None
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return Secret("Basic " + b64encode(pair.encode()).decode())
