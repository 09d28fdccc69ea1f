"""Migrations form one line, whatever their numbers."""

import re

from tests.repository.source import ROOT

VERSIONS = ROOT / "config/database/migrations/versions"


def test_each_migration_follows_one_other() -> None:
    """One begins, each later one names another as the one before it, and no two name the same."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(VERSIONS.glob("0*.py"))]
    before = {
        re.findall(r'^revision = "(\d+)"', text, re.MULTILINE)[0]: re.findall(
            r'^down_revision = "?(\w+)"?', text, re.MULTILINE
        )[0]
        for text in texts
    }
    assert len(set(before.values())) == len(before) == len(texts)
    assert set(before.values()) - before.keys() == {"None"}
