"""The queue's Lua, put together once. A script that fails half way gives its epoch up: nothing half done is trusted.

Redis rolls nothing back. What fails before the first write (no memory, a replica, a full disk) changed nothing and is
raised as it is; whatever fails later leaves counters and lists that may disagree, so the epoch is closed and the
reconciler fills a new one.
"""

from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

_LUA = Path(__file__).parent / "lua"
_PRELUDE = ("prelude/epoch", "prelude/jobs", "prelude/lanes")
_COMMANDS = ("enqueue", "claim", "finish", "configure", "renew", "tick")
_EPOCHS = ("open", "is_lost", "drop")
_GUARDED = """
local function command()
{body}
end
local done, answer = pcall(command)
if done then
    return answer
end
local why = type(answer) == 'table' and answer.err or tostring(answer)
if string.find(why, '^OOM') or string.find(why, '^READONLY') or string.find(why, '^MISCONF') then
    return redis.error_reply(why)
end
redis.call('DEL', KEYS[1] .. ':epoch')
return redis.error_reply('EPOCHLOST half done: ' .. why)
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the digest by which servers know it."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Of its text."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


def load_scripts() -> dict[str, Script]:
    """Every script by its name: the queue's commands, and `open`, `is_lost` and `drop` of its epochs."""
    prelude = "\n".join(_read(name) for name in _PRELUDE)
    commands = {name: _GUARDED.replace("{body}", prelude + _read(name)) for name in _COMMANDS}
    epochs = {name: _read("epochs/server") + _read(f"epochs/{name}") for name in _EPOCHS}
    return {name: Script.of(text) for name, text in (commands | epochs).items()}


def _read(name: str) -> str:
    return (_LUA / f"{name}.lua").read_text(encoding="utf-8")
