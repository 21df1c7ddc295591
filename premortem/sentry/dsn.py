"""DSNs: `{scheme}://{public_key}[:{secret}]@{host}[:{port}]{path}/{project_id}`."""

from urllib.parse import urlsplit

from msgspec import Struct

from premortem.exceptions import Malformed

_PORTS = {"http": 80, "https": 443}
_LONGEST = 1024


class Dsn(Struct, frozen=True):
    """Where an SDK reports to, and as whom. `path` is what stands before the project id, without a final slash."""

    scheme: str
    public_key: str
    host: str
    port: int
    path: str
    project_id: str


def parse(text: str) -> Dsn:
    """Return the parts of a DSN; a secret, as old ones have it, is left out. Raises Malformed."""
    try:
        if len(text) > _LONGEST:
            raise ValueError("longer than a DSN can be")
        parts = urlsplit(text)
        path, _, project_id = parts.path.rpartition("/")
        if parts.scheme not in _PORTS or not parts.hostname or not parts.username or not project_id:
            raise ValueError("a part is missing")
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as exception:
        raise Malformed(f"not a DSN: {exception}") from exception
    return Dsn(parts.scheme, parts.username, parts.hostname, port, path, project_id)


def of(base_url: str, public_key: str, project_id: int) -> str:
    """Return the DSN of a project on the server at `base_url`."""
    scheme, _, rest = base_url.rstrip("/").partition("://")
    return f"{scheme}://{public_key}@{rest}/{project_id}"
