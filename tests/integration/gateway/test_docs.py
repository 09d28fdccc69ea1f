"""The page at /docs in a real browser, where there is one."""

import asyncio
import shutil
import tempfile

import pytest

from tests.support.edge import Edge

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


async def test_the_page_is_served_on_both_ports_with_a_policy_that_lets_nothing_in(edge: Edge) -> None:
    """HTML with a policy of its own, which names its one style by hash."""
    for base in (edge.url, edge.admin_url):
        async with edge.session.get(base + "/docs") as answer:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
            assert 'id="security"' in await answer.text()


@pytest.mark.skipif(_BROWSER is None, reason="there is no Chromium on this machine")
async def test_a_browser_shows_the_page_without_a_network_and_blocks_nothing_of_it(edge: Edge) -> None:
    """Nothing that the page wants is refused by its policy, and what it shows is whole."""
    assert _BROWSER is not None
    with tempfile.TemporaryDirectory() as profile:
        options = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
        )
        process = await asyncio.create_subprocess_exec(
            *(_BROWSER, *options, _NO_NETWORK, "--dump-dom", edge.url + "/docs"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        shown, said = await asyncio.wait_for(process.communicate(), 50)
    complaints = [line for line in said.decode().splitlines() if "CONSOLE" in line and "favicon" not in line]
    assert not complaints
    assert b'id="create_payment"' in shown
    assert shown.rstrip().endswith(b"</html>")
