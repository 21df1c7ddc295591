"""Siblings: errors in the frames that a fix changed. Editing a line gives an error a new fingerprint, so the silence of
the old one proves nothing while a new one comes from the same place.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from premortem.domain.error_event import ErrorEvent, Frame


class Place(Struct, frozen=True, order=True):
    """A file, and a function in it; an empty function is any."""

    path: str
    function: str = ""


def places(changed: Sequence[str], failing: ErrorEvent | None) -> tuple[Place, ...]:
    """Return where siblings would come from: the files that were changed, and the function that failed before."""
    found = [Place(path) for path in changed]
    frames = list(own_frames(failing)) if failing is not None else []
    if frames:
        found.append(Place(frames[-1].filename or frames[-1].abs_path or "", frames[-1].function or ""))
    return tuple(sorted({place for place in found if _parts(place.path)}))


def is_sibling(event: ErrorEvent, where: Sequence[Place]) -> bool:
    """Tell whether a frame of the application's own code is in one of the places."""
    return any(_is_in(frame, place) for frame in own_frames(event) for place in where)


def own_frames(event: ErrorEvent) -> Iterator[Frame]:
    """Yield the application's own frames, those of the failure last. A frame that does not say whose it is counts."""
    for frames in (event.frames, *(exception.frames for exception in reversed(event.exceptions))):
        for frame in frames or ():
            if frame.in_app is not False:
                yield frame


def _is_in(frame: Frame, place: Place) -> bool:
    if place.function and frame.function and frame.function != place.function:
        return False
    return any(_same_file(name, place.path) for name in (frame.filename, frame.abs_path) if name)


def _same_file(one: str, other: str) -> bool:
    """Tell whether one path is the end of the other, by whole names: what stands before differs between machines."""
    first, second = _parts(one), _parts(other)
    shared = min(len(first), len(second))
    return shared > 0 and first[-shared:] == second[-shared:]


def _parts(path: str) -> list[str]:
    _, _, bare = path.replace("\\", "/").rpartition("://")
    return [part for part in bare.partition("?")[0].split("/") if part not in ("", ".", "..", "~")]
