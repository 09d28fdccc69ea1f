"""An authority of a test: certificates that are right, and ones that are wrong in one way each."""

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kernel.masked import Secret

_DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates; `file` makes it trusted."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.file = folder / f"{name}.pem"
        builder = _builder(self._name, self._name, self._key, dt.datetime.now(dt.UTC) + _DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def server(self, host: str = "localhost", ends: dt.datetime | None = None) -> ssl.SSLContext:
        """The TLS of a server of that name, whose certificate ends then (tomorrow)."""
        file = self._folder / f"{host}-{self.file.name}"
        file.write_text(self.pair(host, ends).reveal(), encoding="ascii")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def server_for_clients_of(self, clients: "Authority") -> ssl.SSLContext:
        """The same for localhost, where a client needs a certificate of that authority."""
        context = self.server()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.file)
        return context

    def pair(self, host: str, ends: dt.datetime | None = None, lock: bytes = b"") -> Secret:
        """PEM of a certificate and its key, which `lock` encrypts."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(host), self._name, key, ends or dt.datetime.now(dt.UTC) + _DAY)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        locked = serialization.BestAvailableEncryption(lock) if lock else serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        return Secret((certificate + pem).decode())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(dt.datetime.now(dt.UTC), ends) - 2 * _DAY)
        .not_valid_after(ends)
    )
