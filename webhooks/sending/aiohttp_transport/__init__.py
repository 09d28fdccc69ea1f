"""The transport on aiohttp."""

from webhooks.sending.aiohttp_transport.transport import AiohttpTransport

__all__ = ["AiohttpTransport"]
