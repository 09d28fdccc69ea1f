"""A payer at a browser: opens a bank's page, fills in what is asked, presses a button, and is sent back."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

APPROVE, REFUSE = "approve", "refuse"


async def decide(session: aiohttp.ClientSession, url: str, decision: str = APPROVE) -> str:
    """Open the page, choose the first account if there is a choice, decide; where the bank sends the browser."""
    async with session.get(url) as shown:
        assert shown.status == 200, await shown.text()
        form = _Form.read(await shown.text())
    answers = {**form.fields, "decision": decision}
    async with session.post(urljoin(url, form.action or url), data=answers, allow_redirects=False) as sent:
        assert sent.status in {302, 303}, await sent.text()
        return sent.headers["Location"]


def brought(url: str) -> dict[str, str]:
    """What the browser brings back in its query."""
    return dict(parse_qsl(urlsplit(url).query))


@dataclass(slots=True)
class _Form:
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, page: str) -> "_Form":
        form = cls()
        parser = _Parser(form)
        parser.feed(page)
        return form


class _Parser(HTMLParser):
    def __init__(self, form: _Form) -> None:
        super().__init__()
        self._form = form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Hidden fields as they are, and of each group of choices the first."""
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form.action = told.get("action", "")
        if tag == "input" and told.get("name"):
            self._form.fields.setdefault(told["name"], told.get("value", ""))
