"""What tokens are for, and what their senders have to show."""

import pytest

from gateway.oauth.tokens.binding import Confirmation
from gateway.oauth.tokens.policy import TokenPolicy

API, FILES = "https://api.example.com", "https://files.example.com/reports"
POLICY = TokenPolicy(issuer=API, audience=API, resources=(FILES,))


def test_a_token_is_for_this_api_unless_others_are_asked_for() -> None:
    """RFC 8707 §2: one resource is a text, several are a list, each once."""
    assert POLICY.audience_of([]) == API
    assert POLICY.audience_of([FILES]) == FILES
    assert POLICY.audience_of([FILES, API, FILES]) == [FILES, API]


@pytest.mark.parametrize("wanted", ["https://other.example.com", FILES + "/", "", "files"])
def test_no_token_is_for_what_we_do_not_know(wanted: str) -> None:
    """All resources are known, or there is no token."""
    assert POLICY.audience_of([API, wanted]) is None


def test_a_confirmation_comes_back_as_it_was_written() -> None:
    """And a token that anybody may use carries none."""
    for confirmation in (Confirmation(), Confirmation(key="k"), Confirmation(certificate="c", key="k")):
        assert Confirmation.of(confirmation.claims()) == confirmation
    assert Confirmation().claims() == {}


@pytest.mark.parametrize("cnf", [{"kid": "x"}, {"jwk": {}}, "x", ["jkt"]])
def test_a_confirmation_that_we_cannot_check_is_refused(cnf: object) -> None:
    """A token is never believed on half of its terms."""
    with pytest.raises(ValueError, match="another kind"):
        Confirmation.of({"cnf": cnf})


def test_the_certificate_must_be_the_same() -> None:
    """None, or another one, is not the one that the token was asked for with."""
    bound = Confirmation(certificate="thumb")
    assert bound.is_met_by("thumb")
    assert not bound.is_met_by("other")
    assert not bound.is_met_by(None)
    assert Confirmation().is_met_by(None)
