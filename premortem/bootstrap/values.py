"""Values that the settings give: the clock, the salt, the address, what carries notices."""

from premortem.adapters.clock import scaled
from premortem.adapters.clock.system import SystemClock
from premortem.adapters.notifier.http import HttpNotifier
from premortem.embedded import data_directory, stack
from premortem.exceptions import Unavailable
from premortem.ports import Clock, Notifier
from premortem.settings import Settings

_SALT = "hash_salt"


def clock(settings: Settings) -> Clock:
    """Return the gateway's clock."""
    return SystemClock() if settings.clock == "system" else scaled.parse(settings.clock)


def clock_rate(settings: Settings) -> float:
    """Return how fast the gateway's clock runs, in the end."""
    return 1.0 if settings.clock == "system" else scaled.parse(settings.clock).final_rate


def salt(settings: Settings, *, make: bool = True) -> bytes:
    """Return what keys the hashes of users and secrets: the setting, or a secret that the data directory keeps.

    Raises Unavailable when there is none and none shall be made.
    """
    if settings.hash_salt:
        return settings.hash_salt.encode()
    path = settings.data_dir.absolute()
    if make:
        data_directory.make_secret(path, _SALT)
    if (found := data_directory.secret(path, _SALT)) is None:
        raise Unavailable(f"{path} holds no salt: nothing was hashed there. Is PREMORTEM_DATA_DIR right?")
    return found.encode()


def public_url(settings: Settings) -> str:
    """Return the URL by which the gateway is reached, without a final slash."""
    resolved = stack.resolve(settings)
    host = f"[{resolved.http_host}]" if ":" in resolved.http_host else resolved.http_host
    return (resolved.public_url or f"http://{host}:{resolved.http_port}").rstrip("/")


def notifier() -> Notifier:
    """Return what carries notices: dated by the system's clock, for receivers compare it with theirs."""
    return HttpNotifier(SystemClock().now)
