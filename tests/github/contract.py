"""GitHub's published description: what a request and an answer must look like, and the smallest object of a schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

_HERE = Path(__file__).parent
_URI = "urn:github"


class Contract:
    """Holds what goes back and forth against `openapi.json`, and remembers what did not keep to it."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = json.loads((_HERE / "openapi.json").read_text())
        self.violations: list[str] = []
        resource = Resource(contents=self.document, specification=DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource(_URI, resource)
        self._pointer = cache(self._validator)

    def wrong_request(self, verb: str, path: str, body: Any) -> list[str]:
        """Return what is wrong with a request's body, a sentence each; noted as violations too."""
        operation = self.document["paths"][path][verb]
        if "requestBody" not in operation:
            return []
        return self._hold(body, f"paths/{_escaped(path)}/{verb}/requestBody", f"{verb} {path} asked")

    def hold_answer(self, verb: str, path: str, status: int, body: Any) -> None:
        """Note what is wrong with an answer; a status that the description does not know is wrong too."""
        responses = self.document["paths"][path][verb]["responses"]
        if str(status) not in responses:
            if status not in (401, 403, 404, 429) and status < 500:
                self.violations.append(f"{verb} {path} answers no {status}")
            return
        place = f"paths/{_escaped(path)}/{verb}/responses/{status}"
        self._hold(body, place, f"{verb} {path} answered {status}")

    def example(self, schema: str | dict[str, Any], url: str, /, **known: Any) -> Any:
        """Return the smallest object of a schema (or of `components/schemas/<name>`) with `known` put into it. Every
        address in it begins with `url`.
        """
        if isinstance(schema, str):
            schema = self.document["components"]["schemas"][schema]
        made = self._smallest(schema, url)
        return made | known if known else made

    def _hold(self, body: Any, place: str, what: str) -> list[str]:
        found = self._resolved(self._at(place))
        if "application/json" not in found.get("content", {}):
            return []
        if "$ref" in self._at(place):
            place = self._at(place)["$ref"].removeprefix("#/")
        validator = self._pointer(f"{place}/content/application~1json/schema")
        wrong = [
            f"{what}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in validator.iter_errors(body)
        ]
        self.violations += wrong
        return wrong

    def _validator(self, pointer: str) -> Any:
        schema = {"$ref": f"{_URI}#/{pointer}"}
        return OAS30Validator(schema, registry=self._registry, format_checker=oas30_format_checker)

    def _at(self, place: str) -> Any:
        value: Any = self.document
        for step in place.split("/"):
            value = value[step.replace("~1", "/").replace("~0", "~")]
        return value

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._at(schema["$ref"].removeprefix("#/"))
        return schema

    def _smallest(self, schema: dict[str, Any], url: str) -> Any:
        schema = self._resolved(schema)
        if schema.get("nullable") and "type" in schema:
            return None  # beside `anyOf` alone, null keeps to no schema, says OpenAPI 3.0
        if "enum" in schema:
            return schema["enum"][0]
        for several in ("allOf", "anyOf", "oneOf"):
            if several in schema:
                return self._smallest(schema[several][0], url)
        match schema.get("type"):
            case "object":
                properties = schema.get("properties", {})
                return {name: self._smallest(properties.get(name, {}), url) for name in schema.get("required", ())}
            case "array":
                return []
            case "integer" | "number":
                return schema.get("minimum", 0)
            case "boolean":
                return False
            case "string":
                formats = {"uri": f"{url}/elsewhere", "date-time": "2026-01-01T00:00:00Z", "email": "octo@example.org"}
                return formats.get(schema.get("format", ""), "")
        return {}


def _escaped(path: str) -> str:
    return path.replace("/", "~1")
