"""A client that proves with each request that it holds a key (RFC 9449), and learns nonces as it goes."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.oauth.dpop.proof import token_digest
from tests.support.edge import TOKENS, Answer, Edge
from tests.support.oauth import Registered

TOKEN_PATH = "/oauth/token"


class Prover:
    """One key, and the newest nonce that the server gave."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.key = ECKey.generate_key("P-256")
        self.nonce: str | None = None

    def proof(self, method: str, path: str, token: str | None = None, **claims: Any) -> str:
        """A proof of this moment; a claim of None is left out."""
        usual = {
            "jti": uuid4().hex,
            "htm": method,
            "htu": TOKENS.issuer + path,
            "iat": int(self._edge.clock.now().timestamp()),
            "nonce": self.nonce,
            "ath": None if token is None else token_digest(token.encode()),
        }
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(head, said, self.key, algorithms=["ES256"])

    async def token(self, client: Registered, **form: str) -> str:
        """A token bound to the key."""
        answer = await self.ask(client, **form)
        assert (answer.status, answer.json.get("token_type")) == (200, "DPoP"), answer.raw
        return str(answer.json["access_token"])

    async def ask(self, client: Registered, **form: str) -> Answer:
        """Ask for a token, a second time with the nonce where the first answer gives one."""
        secret = client.answer.json["secret"]
        for _ in range(2):
            answer = await self._edge.token(client.id, secret, {"DPoP": self.proof("POST", TOKEN_PATH)}, **form)
            if not self.learns(answer):
                break
        return answer

    async def call(self, method: str, path: str, token: str, proof: str | None = None, **options: Any) -> Answer:
        """One request with the token and a proof, a fresh one unless it is given."""
        sent = proof or self.proof(method, path, token)
        headers = {**options.pop("headers", {}), **bound(token, sent)}
        return await self._edge.call(method, path, headers=headers, **options)

    def learns(self, answer: Answer) -> bool:
        """Whether the answer gives a nonce, which is kept."""
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return "DPoP-Nonce" in answer.headers


def bound(token: str, proof: str) -> Mapping[str, str]:
    """The headers of a request with a bound token."""
    return {"Authorization": f"DPoP {token}", "DPoP": proof}
