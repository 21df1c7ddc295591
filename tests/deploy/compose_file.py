"""Reading a compose file as Compose does: interpolation, the order of the start, commands as words."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FULL = ROOT / "docker-compose.yml"
EMBEDDED = ROOT / "deploy" / "compose.embedded.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = "premortem:0.1.0"

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([-?])([^}]*))?\})")


def variables(text: str) -> dict[str, set[str | None]]:
    """Return every variable that a compose file asks for: its defaults, None where it has to be set."""
    found: dict[str, set[str | None]] = {}
    for match in _VARIABLE.finditer(text):
        if match[2]:
            found.setdefault(match[2], set()).add(match[4] if match[3] == "-" else None)
    return found


def secrets_asked(file: Path) -> list[str]:
    """Return the variables that have to be set."""
    return [name for name, defaults in variables(file.read_text()).items() if None in defaults]


def loaded(file: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with the variables in its texts replaced; KeyError for one that is not given and must be."""

    def text(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        return given.get(match[2], match[4]) if match[3] == "-" else given[match[2]]

    def replaced(value: Any) -> Any:
        match value:
            case dict():
                return {key: replaced(inner) for key, inner in value.items()}
            case list():
                return [replaced(inner) for inner in value]
            case str():
                return _VARIABLE.sub(text, value)
        return value

    found: dict[str, Any] = replaced(yaml.safe_load(file.read_text()))
    return found


def in_order(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the services, each behind those that it waits for; ValueError when they wait for each other."""
    placed: list[str] = []

    def place(name: str, waiting: tuple[str, ...]) -> None:
        if name in waiting:
            raise ValueError(f"{' waits for '.join((*waiting, name))}")
        for other in services[name].get("depends_on", {}):
            place(other, (*waiting, name))
        if name not in placed:
            placed.append(name)

    for name in services:
        place(name, ())
    return placed


def health_command(service: Mapping[str, Any]) -> list[str]:
    """Return the words of a service's health check."""
    kind, *words = service["healthcheck"]["test"]
    return list(words) if kind == "CMD" else ["sh", "-c", *words]


def image_environment() -> dict[str, str]:
    """Return what the Dockerfile's last stage sets with ENV."""
    stage = DOCKERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    lines = re.findall(r"^ENV (.+)$", stage, re.MULTILINE)
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def image_folders() -> list[str]:
    """Return the folders of the checkout that the image holds."""
    return re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE)


def seconds(duration: str) -> float:
    """Return a duration such as 1m30s in seconds."""
    return sum(float(n) * {"s": 1, "m": 60, "h": 3600}[unit] for n, unit in re.findall(r"([\d.]+)([smh])", duration))


def strings(value: Any) -> Iterator[str]:
    """Return every string inside a value of YAML."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
