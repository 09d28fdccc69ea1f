"""Who plays: one partner, and lanes, each a merchant with one endpoint that behaves in its own way."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict


class Lane(BaseModel):
    """A merchant and its endpoint. `weight` is its share of the events; `pays` says that payments are made for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    behaviour: str
    weight: int
    ordered: bool = False
    pays: bool = False
    merchant: str = ""
    endpoint: str = ""
    secret: str = ""


class Scene(BaseModel):
    """What was registered; written by the preparation, read by generator and checker. It holds secrets."""

    model_config = ConfigDict(frozen=True)

    partner: str
    client_id: str
    client_secret: str
    lanes: tuple[Lane, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The scene of a file. Raises pydantic.ValidationError."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """To a file that only its owner reads."""
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")


# Half of the load goes to endpoints that answer at once, so that recovery can be measured on them.
LANES = (
    Lane(name="fast-0", behaviour="fast", weight=20, pays=True),
    Lane(name="fast-1", behaviour="fast", weight=20, pays=True),
    Lane(name="fast-2", behaviour="fast", weight=10),
    Lane(name="ordered-0", behaviour="fast", weight=6, ordered=True, pays=True),
    Lane(name="ordered-1", behaviour="failing-first", weight=6, ordered=True, pays=True),
    Lane(name="slow", behaviour="slow", weight=4),
    Lane(name="flapping", behaviour="flapping", weight=6),
    Lane(name="hanging", behaviour="hanging", weight=2),
    Lane(name="dripping", behaviour="dripping", weight=3),
    Lane(name="huge", behaviour="huge", weight=2),
    Lane(name="resetting", behaviour="resetting", weight=6),
    Lane(name="limited", behaviour="limited", weight=3),
    Lane(name="gone", behaviour="gone", weight=3),
    Lane(name="dead", behaviour="dead", weight=2),
)
