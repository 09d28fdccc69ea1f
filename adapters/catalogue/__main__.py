"""Writes docs/capabilities.md: python -m adapters.catalogue (or: make docs)."""

from adapters.catalogue.page import PAGE, as_markdown

PAGE.write_text(as_markdown(), encoding="utf-8")
