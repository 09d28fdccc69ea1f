"""What `make run` prints."""

import io

from rich.console import Console

from threadneedle.demo.proof import Proof

IDENTIFIER = "pay_test_01kd4x0000e008000000000004"


def test_an_id_is_printed_whole_in_a_narrow_window() -> None:
    """A line that the window breaks is the window's matter: what is copied from it is the id."""
    out = io.StringIO()
    Proof(Console(file=out, width=40)).say(f"the payment {IDENTIFIER} is accepted")
    assert out.getvalue().count("\n") == 1
    assert IDENTIFIER in out.getvalue()
