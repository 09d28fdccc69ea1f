"""Who the servers run as. PostgreSQL refuses to run as root, so root's servers run as someone else."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

_FALLBACK = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An unprivileged account of this machine."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """True where every folder on the way lets this account through."""
        return all(self._passes(step.stat()) for step in (folder, *folder.parents))

    def _passes(self, folder: os.stat_result) -> bool:
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        if folder.st_gid == self.gid:
            return bool(folder.st_mode & stat.S_IXGRP)
        return bool(folder.st_mode & stat.S_IXOTH)


def unprivileged(state: Path) -> Account | None:
    """Who runs the servers of a state folder; None for an ordinary user, who runs them.

    For root: the folder's owner, if that is someone else; otherwise `nobody`, which every system has.
    """
    if os.geteuid() != 0:
        return None
    owner = state.stat()
    entry = _entry(owner.st_uid) if owner.st_uid != 0 else None
    entry = entry or pwd.getpwnam(_FALLBACK)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:  # initdb insists on a name
        return None
