"""Becomes a server: gives up what it must not have, then execs it. Run as a script, it imports nothing of ours.

Its one argument is a JSON object:

    command   what to exec, absolute
    parent    the process that it must not outlive
    signal    what it gets when that process ends, however it ends
    account   null, or {"uid", "gid", "reach"}: who to become; with `reach`, folders that are closed to that account
              can still be walked through, so that a checkout inside root's 0700 home works

PostgreSQL refuses to run as root, and the unprivileged account cannot enter that home. Opening the home to others, or
copying the server out of it, would change what is not ours; so the process keeps one capability: to search and
read folders, nothing else. It needs no setuid helper and no namespace (capabilities(7), "ambient"). The programs ask
access(2) about themselves, which forgets capabilities unless the process is told to leave them alone ("securebits").
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
# The narrow one first; containers often give their root only the wide one.
_CAP_DAC_READ_SEARCH = 2
_CAP_DAC_OVERRIDE = 1


def main(argument: str) -> None:
    """Exec the command of the plan. Raises OSError or SystemExit where the system refuses a step."""
    plan: dict[str, Any] = json.loads(argument)
    account = plan["account"]
    if account is not None:
        _become(account["uid"], account["gid"], reach=account["reach"])
    # After the change of account, which would clear it.
    _die_with(plan["parent"], plan["signal"])
    os.execv(plan["command"][0], plan["command"])  # noqa: S606 - no shell is wanted


def _become(uid: int, gid: int, *, reach: bool) -> None:
    # Looked up first: from the change of account on, Python's own files may be out of reach.
    capability = _capability_to_reach() if reach else None
    if capability is not None:
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        _keep_only(capability)


def _capability_to_reach() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    permitted = int(next(line for line in status.splitlines() if line.startswith("CapPrm:")).split()[1], 16)
    return _CAP_DAC_READ_SEARCH if permitted >> _CAP_DAC_READ_SEARCH & 1 else _CAP_DAC_OVERRIDE


def _keep_only(capability: int) -> None:
    """Hold one capability and hand it through exec: it must be permitted and inheritable to become ambient."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    effective_permitted_inheritable = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    _checked(_libc().capset(header, effective_permitted_inheritable), "capset")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent ends. Only Linux can; elsewhere the next start ends what was left."""
    if not sys.platform.startswith("linux"):
        return
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        raise SystemExit("the parent ended first")


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    _checked(_libc().prctl(option, *map(ctypes.c_ulong, padded)), "prctl")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        refusal = os.strerror(ctypes.get_errno())
        raise SystemExit(f"{what}: {refusal}; run as an ordinary user, or set DATABASE_URL and REDIS_URL")


if __name__ == "__main__":
    main(sys.argv[1])
