"""TLS that ends in this process; a caller that has a certificate shows it in the handshake (RFC 8446 §4.3.2)."""

import ssl


def server_context(certificate_file: str, key_file: str, client_ca_file: str) -> ssl.SSLContext:
    """A context that asks for a client certificate and goes on without one. Raises OSError for files that will not do.

    A certificate that is shown must lead to an authority of `client_ca_file` (intermediate ones may stand there), or be
    one that `trust` has added: Python's ssl ends the handshake with any other.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate_file, key_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if client_ca_file:
        context.load_verify_locations(client_ca_file)
    return context


def trust(context: ssl.SSLContext, der: bytes) -> None:
    """From the next handshake on, let this certificate be shown. What it proves is judged later. Raises SSLError."""
    context.load_verify_locations(cadata=der)
