"""Writes docs/capabilities.md: python -m adapters.catalogue (or: make docs)."""

import sys

from adapters.catalogue.page import PAGE, as_markdown
from adapters.catalogue.quality import WrongClaim
from adapters.registry import InconsistentDeclaration

try:
    PAGE.write_text(as_markdown(), encoding="utf-8")
except (InconsistentDeclaration, WrongClaim) as error:
    sys.exit(f"threadneedle: {error}")
