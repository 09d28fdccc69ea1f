"""What went wrong on the way to an answer, in our words: never the receiver's, never the library's."""

import ssl

from webhooks.sending.model import ErrorClass

# OpenSSL's verification codes (openssl-verification-options(1), x509_vfy.h).
_CERTIFICATES = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed",
    19: "the certificate's chain ends in an authority that is not trusted",
    20: "the certificate's issuer is unknown, or its chain is not complete",
    21: "the certificate's chain is not complete",
    23: "the certificate was revoked",
    24: "an authority in the certificate's chain may not sign certificates",
    26: "the certificate is not one for servers",
    62: "the certificate is for another host name",
    64: "the certificate is for another address",
    66: "the certificate's key is too short",
    67: "an authority's key in the certificate's chain is too short",
    68: "the certificate's signature algorithm is too weak",
}
_HANDSHAKES = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS on this port",
    "HTTP_REQUEST": "the server does not speak TLS on this port",
    "UNSUPPORTED_PROTOCOL": "the server speaks only versions of TLS before 1.2",
    "TLSV1_ALERT_PROTOCOL_VERSION": "the server speaks no version of TLS that we do",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server refused the handshake: no common cipher, or it wants a certificate",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know this host name",
    "TLSV1_ALERT_INTERNAL_ERROR": "the server failed within the handshake",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not trust our client certificate's issuer",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server did not accept our client certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the server finds our client certificate expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the server did not accept our client certificate",
    "TLSV1_ALERT_ACCESS_DENIED": "the server did not accept our client certificate",
}


class SendError(Exception):
    """There is no answer. `detail` is for people."""

    def __init__(self, error: ErrorClass, detail: str) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = detail


def tls_problem(problem: BaseException) -> str:
    """Why a handshake failed."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(problem.verify_code, "the certificate was not accepted")
    if isinstance(problem, ssl.SSLError):
        return _HANDSHAKES.get(problem.reason or "", "the TLS handshake failed")
    return "the connection was lost during the TLS handshake"
