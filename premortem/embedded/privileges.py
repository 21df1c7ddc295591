"""Giving up root: PostgreSQL refuses to run as root, so it runs as `nobody`, without opening a folder to anybody."""

import os
import pwd
import stat
from pathlib import Path

from premortem.exceptions import Conflict


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that servers run as when we are root, or None when we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise Conflict(
            "Running as root, and there is no user `nobody` to run PostgreSQL as. "
            "Run as an ordinary user, or create the user `nobody`."
        ) from None


def account_name() -> str:
    """Return our own account's name. Raises Conflict for a user id without one: PostgreSQL would refuse it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Conflict(
            f"The user id {os.geteuid()} has no name, and PostgreSQL wants one. Add it to /etc/passwd."
        ) from None


def drop_to(account: pwd.struct_passwd) -> None:
    """Become `account` for good: no supplementary groups, no way back."""
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def readable_by_all(path: Path) -> bool:
    """Tell whether any user may reach `path` and read it: every parent searchable, the thing itself readable.

    Looks at mode bits only; access lists can only make the answer needlessly careful.
    """
    path = path.resolve()
    if any(not parent.stat().st_mode & stat.S_IXOTH for parent in path.parents):
        return False
    wanted = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    return path.stat().st_mode & wanted == wanted


def own_directory(path: Path, owner: int | None) -> None:
    """Create `path` (mode 0700) for the user id `owner` (None = us), or make sure that it is just that.

    A symbolic link or somebody else's directory in its place raises Conflict: it may be a trap in a shared folder.
    """
    wanted = os.geteuid() if owner is None else owner
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (wanted, os.geteuid()):
            raise Conflict(
                f"{path} belongs to somebody else (user id {found.st_uid}, expected {wanted}). "
                "Remove it, or choose another PREMORTEM_DATA_DIR."
            ) from None
    os.chown(path, wanted, -1, follow_symlinks=False)
    path.chmod(0o700)
