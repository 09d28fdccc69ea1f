"""The page at /docs: the OpenAPI document as HTML, with no script and nothing fetched from anywhere."""

from gateway.docs.page import CONTENT_SECURITY_POLICY, page

__all__ = ["CONTENT_SECURITY_POLICY", "page"]
