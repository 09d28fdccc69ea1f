"""What may be an endpoint's URL."""

import pytest

from webhooks.endpoints.urls import UrlRules, check_url
from webhooks.sending.destination import AllowList

STRICT = UrlRules()
SANDBOX = UrlRules(is_http_allowed=True)
LAB = UrlRules(allowed=AllowList.parse(["simulator", "127.0.0.0/8"]))


def code(url: str, rules: UrlRules = STRICT) -> str | None:
    errors = check_url(url, rules)
    assert all(error.pointer == "/url" and (not url or url not in error.message) for error in errors)
    return errors[0].code if errors else None


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com",
        "https://shop.example.com:8443/hooks/a%20b?x=1&y=%2F",
        "https://xn--caf-dma.example.com/",
        "https://8.8.8.8/hook",
        "https://[2606:4700:4700::1111]/hook",
        "https://1e100.example",
    ],
)
def test_public_https_urls_are_taken(url: str) -> None:
    """Any host name with a dot, any public address, any port and query."""
    assert code(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "url_invalid"),
        ("shop.example.com", "url_invalid"),
        ("//shop.example.com", "url_invalid"),
        ("ftp://shop.example.com", "url_invalid"),
        ("https://", "url_invalid"),
        ("https://:443/", "url_invalid"),
        ("https://shop.example.com:99999/", "url_invalid"),
        ("https://shop.example.com:0/", "url_invalid"),
        ("https://[::1/", "url_invalid"),
        ("https://shop.example.com/a b", "url_invalid"),
        ("https://shop.example.com/\n", "url_invalid"),
        ("https://shop.example.com\\@evil.example/", "url_invalid"),
        ("https://café.example.com/", "url_invalid"),
        ("https://shop.example.com/" + "a" * 2048, "url_too_long"),
        ("http://shop.example.com/", "url_not_https"),
        ("https://user@shop.example.com/", "url_userinfo"),
        ("https://user:pass@shop.example.com/", "url_userinfo"),
        ("https://@shop.example.com/", "url_userinfo"),
        ("https://shop.example.com/#here", "url_fragment"),
        ("https://shop.example.com/#", "url_fragment"),
        ("https://127.0.0.1/", "url_host_refused"),
        ("https://169.254.169.254/latest/meta-data", "url_host_refused"),
        ("https://[::1]/", "url_host_refused"),
        ("https://[::ffff:10.0.0.1]/", "url_host_refused"),
        ("https://[fe80::1%25eth0]/", "url_host_refused"),
        ("https://localhost/", "url_host_refused"),
        ("https://api.localhost/", "url_host_refused"),
        ("https://db.internal/", "url_host_refused"),
        ("https://intranet/", "url_host_refused"),
        ("https://2130706433/", "url_host_number"),
        ("https://127.1/", "url_host_number"),
        ("https://0x7f.0.0.1/", "url_host_number"),
        ("https://0x7f000001/", "url_host_number"),
        ("https://0177.0.0.1/", "url_host_number"),
        ("https://1.2.3.4.5/", "url_host_number"),
    ],
)
def test_other_urls_are_refused(url: str, expected: str) -> None:
    """Each with its code, and without repeating the URL."""
    assert code(url) == expected


def test_rules_can_open_http_and_hosts() -> None:
    """A sandbox takes http but no private host; what is on the allow-list is taken in every way."""
    assert code("http://shop.example.com/", SANDBOX) is None
    assert code("http://127.0.0.1/", SANDBOX) == "url_host_refused"
    assert code("http://simulator:8080/hook", LAB) is None
    assert code("http://127.0.0.1:9000/hook", LAB) is None
    assert code("http://shop.example.com/", LAB) == "url_not_https"
    assert code("http://10.0.0.1/", LAB) == "url_not_https"
