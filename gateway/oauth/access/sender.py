"""Who sent a request, as far as bound tokens ask: to which URI it came, and with which client certificate."""

from aiohttp import web

from gateway.http.peer.certificates import CallerCertificates
from gateway.oauth.dpop.target import Target


class Senders:
    """`base_url` is how the outside names us: proxies change hosts and schemes, so a request's own are not asked."""

    def __init__(self, base_url: str, certificates: CallerCertificates) -> None:
        self._base_url = base_url
        self._certificates = certificates

    def target(self, request: web.Request) -> Target:
        """What a proof for this request has to name."""
        return Target(request.method, self._base_url + request.rel_url.raw_path)

    def certificate(self, request: web.Request) -> str | None:
        """The thumbprint (`x5t#S256`) of the client certificate; None without one."""
        certificate = self._certificates.of(request)
        return None if certificate is None else certificate.thumbprint
