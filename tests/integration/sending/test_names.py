"""Names: a slow one waits alone, one that changes its mind is checked each time, a known one survives its servers."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.sending.conftest import BuildLean
from tests.support.raw_server import serving
from tests.support.receivers import post, staying
from webhooks.sending.destination import AllowList
from webhooks.sending.dialing.names import Names, NoAddressError
from webhooks.sending.model import ErrorClass

OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
Found = list[tuple[object, ...]]
Ask = Callable[[str], list[str]]


class Resolver:
    """In the place of the system's: says what the test wants, for names that do not exist."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Ask] = {}

    def __call__(self, host: str, port: object, **_options: object) -> Found:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.answers[host](host)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """The system's resolver, played by the test."""
    playing = Resolver()
    monkeypatch.setattr("webhooks.sending.dialing.names.socket.getaddrinfo", playing)
    return playing


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What a look-up can hang on until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def says(*addresses: str) -> Ask:
    return lambda _host: list(addresses)


def fails(number: int) -> Ask:
    def ask(_host: str) -> list[str]:
        raise socket.gaierror(number, "planted")

    return ask


async def test_a_name_that_changes_its_mind_is_refused(lean: BuildLean, resolver: Resolver) -> None:
    """DNS rebinding: the address that is checked is the one that is connected to, at every connection anew."""
    mind = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    resolver.answers["rebound.example"] = lambda _host: [next(mind)]
    allowed = AllowList.parse(["127.0.0.1/32"])
    async with serving(staying(OK)) as server:
        transport = lean(allowed)
        replies = [await transport.send(post(server.url("rebound.example"))) for _ in range(2)]
        assert server.connections == 1
    assert replies[0].status == 200
    assert replies[1].error is ErrorClass.REFUSED_DESTINATION
    assert len(resolver.asked) == 2  # one look-up per connection: nothing resolves the name again after the check


async def test_only_public_addresses_of_a_name_are_tried(lean: BuildLean, resolver: Resolver) -> None:
    """Of a name with good and bad addresses the good ones are used; the next one is tried where one refuses."""
    resolver.answers["mixed.example"] = says("10.0.0.1", "127.0.0.9", "127.0.0.1")
    async with serving(staying(OK)) as server:
        reply = await lean(AllowList.parse(["127.0.0.0/8"])).send(post(server.url("mixed.example")))
    assert reply.status == 200


async def test_slow_names_do_not_slow_another(resolver: Resolver, stuck: threading.Event) -> None:
    """Hundreds of look-ups of a few hanging names use a thread each; another name is answered at once."""
    names = Names(cache_seconds=10, threads=4)
    for number in range(3):
        resolver.answers[f"slow{number}.example"] = lambda _host: [str(stuck.wait())]
    resolver.answers["quick.example"] = says("192.0.2.1")
    hanging = [asyncio.create_task(names.find(f"slow{number % 3}.example")) for number in range(300)]
    await asyncio.sleep(0.05)
    started = time.monotonic()
    assert await names.find("quick.example") == ("192.0.2.1",)
    assert time.monotonic() - started < 0.5
    assert len(resolver.asked) == 4
    stuck.set()
    await asyncio.gather(*hanging)
    names.close()


async def test_names_known_to_be_slow_share_few_threads(
    resolver: Resolver, stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was slow once can never again take the threads of those that were not."""
    monkeypatch.setattr("webhooks.sending.dialing.names._SLOW_SECONDS", 0.01)
    names = Names(cache_seconds=0, threads=4)
    slow = [f"slow{number}.example" for number in range(20)]
    for name in slow:
        resolver.answers[name] = lambda _host: [str(time.sleep(0.02))]
    await asyncio.gather(*(names.find(name) for name in slow))
    for name in slow:
        resolver.answers[name] = lambda _host: [str(stuck.wait())]
    resolver.answers["quick.example"] = says("192.0.2.1")
    hanging = [asyncio.create_task(names.find(name)) for name in slow]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1):
        assert await names.find("quick.example") == ("192.0.2.1",)
    stuck.set()
    await asyncio.gather(*hanging)
    names.close()


async def test_a_known_name_survives_silent_servers(resolver: Resolver) -> None:
    """Where nobody says what is true now, what was true goes on; where it is said that there is nothing, it ends."""
    names = Names(cache_seconds=0, threads=4)
    resolver.answers["known.example"] = says("192.0.2.1")
    await names.find("known.example")
    resolver.answers["known.example"] = fails(socket.EAI_AGAIN)
    assert await names.find("known.example") == ("192.0.2.1",)
    resolver.answers["known.example"] = fails(socket.EAI_NONAME)
    with pytest.raises(NoAddressError, match="no address"):
        await names.find("known.example")
    resolver.answers["known.example"] = fails(socket.EAI_AGAIN)
    with pytest.raises(NoAddressError, match="did not answer"):
        await names.find("known.example")
    resolver.answers["unknown.example"] = fails(socket.EAI_AGAIN)
    with pytest.raises(NoAddressError, match="did not answer"):
        await names.find("unknown.example")
    names.close()


async def test_a_known_name_does_not_wait_for_slow_servers(resolver: Resolver, stuck: threading.Event) -> None:
    """After a second the known address is used; the look-up goes on for those who come later."""
    names = Names(cache_seconds=0, threads=4)
    resolver.answers["known.example"] = says("192.0.2.1")
    await names.find("known.example")

    def slowly(_host: str) -> list[str]:
        stuck.wait()
        return ["192.0.2.2"]

    resolver.answers["known.example"] = slowly
    async with asyncio.timeout(3):
        assert await names.find("known.example") == ("192.0.2.1",)
    stuck.set()
    assert await names.find("known.example") == ("192.0.2.2",)
    names.close()


async def test_an_address_is_remembered_for_its_time(resolver: Resolver) -> None:
    """Within cache_seconds nobody is asked again; an address written out asks nobody ever."""
    names = Names(cache_seconds=60, threads=1)
    resolver.answers["known.example"] = says("192.0.2.1", "192.0.2.1")
    assert [await names.find("known.example") for _ in range(3)] == [("192.0.2.1",)] * 3
    assert await names.find("192.0.2.7") == ("192.0.2.7",)
    assert await names.find("2001:db8::1") == ("2001:db8::1",)
    assert resolver.asked == ["known.example"]
    names.close()


async def test_a_send_that_waits_for_a_name_ends_in_time(
    lean: BuildLean, resolver: Resolver, stuck: threading.Event
) -> None:
    """The total deadline covers the look-up, and says where the time went."""
    resolver.answers["slow.example"] = lambda _host: [str(stuck.wait())]
    reply = await lean(total_timeout_seconds=0.3).send(post("http://slow.example/"))
    assert (reply.error, reply.detail) == (ErrorClass.TIMEOUT, "the time was over while resolving the name")
    assert (reply.timings.dns_us or 0) > 250_000
    assert reply.timings.connect_us is None
