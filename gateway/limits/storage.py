"""The token bucket on the storages of the `limits` library, which has none of its own.

`RedisBuckets` extends its Redis storage by one script; `MemoryBuckets` extends its memory storage by the same sums and
serves tests and the local buckets of a process while Redis is away. Both pass tests/contracts.
"""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from pathlib import Path
from typing import Any

from limits.aio.storage import MemoryStorage, RedisStorage
from redis.exceptions import NoScriptError

from gateway.limits.gcra import Bucket, Level, ask, taken
from kernel.redis import RedisLine
from kernel.redis.resp import pack_one

_SCRIPT = Path(__file__).with_name("gcra.lua").read_text(encoding="utf-8")
_BY_DIGEST = pack_one("EVALSHA") + pack_one(sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest())
_WHOLE = pack_one("EVAL") + pack_one(_SCRIPT)
# One hash tag for all buckets: a call takes from many at once, so they must stand in one slot of a Cluster.
_PREFIX = "{limits}"
_LOCAL_BUCKETS_MAX = 20_000
_WRITTEN_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Demand:
    """One request's wish: `cost` tokens from every one of these buckets, or from none.

    A cost below zero is taken in any case, whatever is left: it was used already.
    """

    buckets: tuple[tuple[str, Bucket], ...]
    cost: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the demand was met, and the level of each of its buckets afterwards."""

    allowed: bool
    levels: tuple[Level, ...]


class TokenBucketSupport(ABC):
    """What a storage offers to the token bucket strategy."""

    @abstractmethod
    async def take_all(self, demands: Sequence[Demand]) -> list[Verdict]:
        """Decide the demands in their order; each takes all or nothing."""


class RedisBuckets(RedisStorage, TokenBucketSupport):
    """Buckets in Redis, by Redis' clock, in one EVALSHA for any number of requests (sent whole on NOSCRIPT).

    The library's own operations go through its client; `take_all`, which every request pays for, through a connection
    that costs a tenth, with each bucket written as it goes over the wire once and for all.
    """

    STORAGE_SCHEME = ["async+tb+redis", "async+tb+rediss", "async+tb+unix"]  # noqa: RUF012 - the base class wants a list

    def __init__(self, url: str, *, socket_timeout_seconds: float = 0.2) -> None:
        """`url` is a Redis URL; nothing is connected before the first question."""
        super().__init__(f"async+{url}", implementation="redispy", key_prefix=_PREFIX)
        self._line = RedisLine(url, timeout_seconds=socket_timeout_seconds)
        self._written: dict[str, tuple[Bucket, bytes, bytes]] = {}

    async def take_all(self, demands: Sequence[Demand]) -> list[Verdict]:
        """Raises redis.RedisError or OSError where Redis is away or refuses."""
        keys: list[bytes] = []
        arguments: list[bytes] = []
        for demand in demands:
            arguments.append(_small(len(demand.buckets)))
            arguments.append(_small(demand.cost))
            for name, bucket in demand.buckets:
                key, numbers = self._write(name, bucket)
                keys.append(key)
                arguments.append(numbers)
        parts = 3 + len(keys) + 2 * len(demands) + 2 * len(keys)
        rest = b"".join((pack_one(len(keys)), *keys, *arguments))
        try:
            answer = await self._line.call(b"*%d\r\n%b%b" % (parts, _BY_DIGEST, rest))
        except NoScriptError:
            answer = await self._line.call(b"*%d\r\n%b%b" % (parts, _WHOLE, rest))
        return list(_verdicts(demands, answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()
        bridge: Any = self.bridge
        await bridge.get_connection().aclose()

    def _write(self, name: str, bucket: Bucket) -> tuple[bytes, bytes]:
        known = self._written.get(name)
        if known is not None and known[0] is bucket:
            return known[1], known[2]
        if len(self._written) >= _WRITTEN_MAX:
            self._written.clear()
        key = pack_one(self.bridge.prefixed_key(name))
        numbers = pack_one(bucket.interval_us) + pack_one(bucket.capacity)
        self._written[name] = (bucket, key, numbers)
        return key, numbers


class MemoryBuckets(MemoryStorage, TokenBucketSupport):
    """Buckets of this process. The least used are forgotten, which can only be kind to their owners."""

    STORAGE_SCHEME = ["async+tb+memory"]  # noqa: RUF012 - the base class wants a list

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._arrival_us: OrderedDict[str, int] = OrderedDict()

    async def take_all(self, demands: Sequence[Demand]) -> list[Verdict]:
        """Never fails."""
        return [self.take(demand) for demand in demands]

    def take(self, demand: Demand) -> Verdict:
        """The same without waiting: nothing here is awaited."""
        now_us, cost = int(self._monotonic() * 1_000_000), abs(demand.cost)
        asked = [
            (name, bucket, *ask(bucket, self._arrival_us.get(name, 0), now_us, cost)) for name, bucket in demand.buckets
        ]
        if demand.cost >= 0 and any(level.retry_after_us for *_, level in asked):
            return Verdict(allowed=False, levels=tuple(level for *_, level in asked))
        for name, _, arrival_us, _ in asked:
            self._keep(name, arrival_us)
        return Verdict(allowed=True, levels=tuple(taken(level, bucket, cost) for _, bucket, _, level in asked))

    def _keep(self, name: str, arrival_us: int) -> None:
        self._arrival_us[name] = arrival_us
        self._arrival_us.move_to_end(name)
        if len(self._arrival_us) > _LOCAL_BUCKETS_MAX:
            self._arrival_us.popitem(last=False)


@cache
def _small(number: int) -> bytes:
    """A count or a cost, as it goes over the wire: there are few of them."""
    return pack_one(number)


def _verdicts(demands: Sequence[Demand], answer: Sequence[int]) -> Iterable[Verdict]:
    numbers = iter(answer)
    for demand in demands:
        allowed = next(numbers) == 1
        levels = tuple(Level(next(numbers), next(numbers), next(numbers)) for _ in demand.buckets)
        yield Verdict(allowed=allowed, levels=levels)
