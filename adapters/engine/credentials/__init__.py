"""What the engine presents to banks: static tokens, fetched ones, the payer's access, and assertions by our own key."""

from adapters.engine.credentials.credentials import Credentials
from adapters.engine.credentials.memory import MemoryTokens
from adapters.engine.credentials.tokens import NoToken, Token, TokenPlace, TokenStore

__all__ = ["Credentials", "MemoryTokens", "NoToken", "Token", "TokenPlace", "TokenStore"]
