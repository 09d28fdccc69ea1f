"""The OpenAPI 3.1 document, made from the route table, the types and the catalogue of events."""

from gateway.openapi.document import ADMIN, OUR_EVENTS, PARTNERS, Surface, document

__all__ = ["ADMIN", "OUR_EVENTS", "PARTNERS", "Surface", "document"]
