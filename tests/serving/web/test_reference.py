"""The API's page: every call of the OpenAPI document, with a body one can fill in, and nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from serving.web.reference import areas_of, example_of

DOCUMENT: dict[str, Any] = {
    "info": {"version": "1"},
    "paths": {
        "/v1/things": {
            "post": {
                "operationId": "make",
                "tags": ["things"],
                "description": "Make <one>.",
                "parameters": [
                    {"name": "k", "in": "query", "schema": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
                ],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/x/Thing"}}}
            }
        }
    },
}


def test_a_call_is_listed_with_its_parameters_and_a_body_to_fill_in() -> None:
    """References are followed and optional types named."""
    (call,) = areas_of(DOCUMENT)["things"]

    assert (call["method"], call["path"], call["words"]) == ("POST", "/v1/things", "Make <one>.")
    assert call["parameters"] == [{"name": "k", "place": "query", "kind": "integer", "required": False}]
    assert '"name": "string"' in call["body"]


def test_a_schema_that_holds_itself_ends() -> None:
    """The example goes a few levels deep and stops."""
    schemas = DOCUMENT["components"]["schemas"]

    text = str(example_of({"$ref": "#/x/Thing"}, schemas, 0))

    assert text.count("parts") == 4
