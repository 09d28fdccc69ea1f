"""Servers that speak raw bytes, so that they can misbehave in ways that an HTTP library would not allow."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One connection: the request as it came, and a hand on the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read_request(self) -> bytes:
        """The whole request: head and as many body bytes as it says."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
        )
        return head + await self.reader.readexactly(length)

    async def say(self, *pieces: bytes, pause_seconds: float = 0) -> None:
        """Write pieces, each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause_seconds)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_closed(self) -> None:
        """Wait until the other side goes away, and swallow what it still sends."""
        while await self.reader.read(65_536):
            pass


class RawServer:
    """A listening server; `connections` counts what came."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port, self.scheme = port, scheme
        self.connections = 0

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Run a script for every connection, on a free port of the loopback interface."""
    tasks: set[asyncio.Task[None]] = set()
    holder: list[RawServer] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        holder[0].connections += 1
        await _run(script, reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    holder.append(RawServer(server.sockets[0].getsockname()[1], "https" if tls else "http"))
    try:
        yield holder[0]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)


async def _run(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Run the script and close gracefully; a cancelled one (the test is over) drops its connection at once."""
    gone = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)
    try:
        with contextlib.suppress(*gone):
            await script(Exchange(reader, writer))
        with contextlib.suppress(*gone):
            writer.close()
            await writer.wait_closed()
    except asyncio.CancelledError:
        writer.transport.abort()


def server_tls(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a fresh self-signed certificate for the host, and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{host}.pem", folder / f"{host}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, certificate_file
