"""What is being taken in at this moment: requests an address has open, and bytes of large bodies that are held.

Small bodies are bounded by their number. Large ones, of which many at once would fill the memory, share a budget, and
one address has at most a quarter of it: what does not fit is refused before it was read.
"""

from premortem.exceptions import Unavailable

SMALL_BYTES = 1 << 20


class InFlight:
    """Counts open requests and large bodies, each by address."""

    def __init__(self, requests_per_address: int, large_bytes: int) -> None:
        self._most_requests, self._most_bytes = requests_per_address, large_bytes
        self._requests: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def enter(self, address: str) -> "Place | None":
        """Return a place for one request, None when the address has too many open. Every place is left in the end."""
        open_now = self._requests.get(address, 0)
        if open_now >= self._most_requests:
            return None
        self._requests[address] = open_now + 1
        return Place(self, address)

    def leave(self, address: str, held: int) -> None:
        """Forget one request of the address, and the bytes that it held."""
        _subtract(self._requests, address, 1)
        if held:
            _subtract(self._bytes, address, held)

    def hold(self, address: str, more: int) -> None:
        """Count `more` bytes; raises Unavailable when they do not fit."""
        held = self._bytes.get(address, 0) + more
        if held > self._most_bytes // 4 or sum(self._bytes.values()) + more > self._most_bytes:
            raise Unavailable("too many large bodies at once. Try again later.")
        self._bytes[address] = held


class Place:
    """One request's place."""

    __slots__ = ("_address", "_held", "_in_flight")

    def __init__(self, in_flight: InFlight, address: str) -> None:
        self._in_flight, self._address, self._held = in_flight, address, 0

    def hold(self, size: int) -> None:
        """Say that the request holds `size` bytes now; raises Unavailable when that is large and does not fit."""
        if size > SMALL_BYTES and size > self._held:
            self._in_flight.hold(self._address, size - self._held)
            self._held = size

    def leave(self) -> None:
        """Give everything back."""
        self._in_flight.leave(self._address, self._held)


def _subtract(counts: dict[str, int], name: str, number: int) -> None:
    left = counts[name] - number
    if left:
        counts[name] = left
    else:
        del counts[name]
