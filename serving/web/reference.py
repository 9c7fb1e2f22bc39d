"""The API's description as a page, rendered here from the OpenAPI document, so that it can be read without a network."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from serving.web.pages import PageRoute, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_DEEPEST = 6


@router.get("/docs")
def reference(request: Request) -> HTMLResponse:
    """Every call, by area: what it takes and what it is for."""
    document = request.app.openapi()
    return render("reference.html", areas=areas_of(document), version=document["info"]["version"])


def areas_of(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The calls of an OpenAPI document by their first tag, in the document's order."""
    areas: dict[str, list[dict[str, Any]]] = {}
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            areas.setdefault(call.get("tags", ["other"])[0], []).append(
                {
                    "id": call["operationId"],
                    "method": method.upper(),
                    "path": path,
                    "words": call.get("description", "").replace("`", ""),
                    "parameters": [_parameter(each) for each in call.get("parameters", [])],
                    "body": _body(call, schemas),
                }
            )
    return areas


def _parameter(each: dict[str, Any]) -> dict[str, Any]:
    schema = each.get("schema", {})
    options = schema.get("anyOf", [schema])
    kinds = sorted({str(option.get("type", "text")) for option in options} - {"null"})
    return {
        "name": each["name"],
        "place": each["in"],
        "kind": " or ".join(kinds),
        "required": each.get("required", False),
    }


def _body(call: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    content = call.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    return json.dumps(example_of(content["application/json"]["schema"], schemas, 0), indent=2)


def example_of(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> Any:
    """A value of the schema's shape: the default where there is one, else a word for what belongs there."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if depth > _DEEPEST:
        return "..."
    if "default" in schema:
        return schema["default"]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return example_of(choices[0], schemas, depth + 1)
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas, depth + 1)]
    if "properties" in schema:
        return {name: example_of(part, schemas, depth + 1) for name, part in schema["properties"].items()}
    return _word(schema)


def _word(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    plain = {"integer": 1, "number": 1, "boolean": True, "object": {}}
    kind = str(schema.get("type"))
    return plain.get(kind, str(schema.get("format", schema.get("type", "value"))))
