"""What the journey proved: each claim with whether it held, shown as it happens and as a table at the end."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement about the system and whether it was true."""

    statement: str
    held: bool
    seen: str


@dataclass(slots=True)
class Proof:
    """Collects claims and prints each line with the seconds since the journey began."""

    console: Console
    claims: list[Claim] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """One line of what is happening, not broken: it holds ids that are there to be copied."""
        seconds = time.monotonic() - self._started
        self.console.print(f"[dim]{seconds:7.2f} s[/dim]  {text}", highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """A new part of the journey."""
        self.console.print(f"\n[bold]{text}[/bold]")

    def claim(self, statement: str, *, held: bool, seen: object) -> None:
        """Record whether a statement held, and what was seen."""
        self.claims.append(Claim(statement=statement, held=held, seen=str(seen)))
        mark = "[green]✓[/green]" if held else "[red]✗[/red]"
        self.say(f"{mark} {statement}  [dim]({seen})[/dim]")

    @property
    def held(self) -> bool:
        """Whether there was something to prove and all of it was true."""
        return bool(self.claims) and all(claim.held for claim in self.claims)

    def table(self) -> Table:
        """Everything that was claimed."""
        table = Table(title="What was proved", show_lines=False)
        for column in ("", "Statement", "Seen"):
            table.add_column(column, overflow="fold")
        for claim in self.claims:
            table.add_row("[green]✓[/green]" if claim.held else "[red]✗[/red]", claim.statement, claim.seen)
        return table
