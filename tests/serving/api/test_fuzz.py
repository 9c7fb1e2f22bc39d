"""Whatever the documented requests are filled with, no answer is our fault: nothing between 500 and 599, and always a problem one can read.

Requests are drawn from the OpenAPI document itself, valid and invalid ones; names of things that exist are put in now and then, so that
what lies behind a lookup is reached too.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from tests.serving.api.test_isolation import _owned

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from tests.serving.api.conftest import Server

_KNOWN_BODIES = {"customer": "ann", "plan": "starter", "meter": "deliveries", "feature": "deliveries"}
_SLOW = {"/v1/test-clock"}  # years of a shop's life in one call: it has tests of its own
_EXAMPLES = 250


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_documented_request_breaks_the_server(
    server: Server, subscribed: dict[str, Any], mode: GenerationMode
) -> None:
    """Hundreds of requests over all operations, as the owner."""
    ids = _owned(server, subscribed)
    schema = schemathesis.openapi.from_dict(server.client.app.openapi())  # type: ignore[attr-defined]
    operations = [each.ok() for each in schema.get_all_operations()]
    wanted = [each for each in operations if each.path not in _SLOW and each.path.startswith("/v1")]
    cases = st.sampled_from(wanted).flatmap(lambda operation: operation.as_strategy(generation_mode=mode))

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=cases, chance=st.randoms(use_true_random=False))
    def asked(case: schemathesis.Case, chance: random.Random) -> None:
        path = case.path
        for name, value in (case.path_parameters or {}).items():
            known = ids.get(name) if chance.random() < 0.7 else None
            path = path.replace("{" + name + "}", known or _segment(value))
        body = case.body if case.body is not NOT_SET else None
        options: dict[str, Any] = {"params": _plain(case.query)}
        if body is not None:
            body = _with_known(body, chance)
            options["json" if not isinstance(body, bytes) else "content"] = body
        answer = server.call(case.method, path, **options)
        assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (case.method, path, options, answer.text)
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            assert answer.headers["content-type"] == "application/problem+json", (case.method, path, answer.text)
            assert answer.json()["code"]

    asked()


def _segment(value: object) -> str:
    """A drawn value as one segment of a path."""
    return "".join(each for each in str(value) if each.isalnum() or each in "-_") or "x"


def _plain(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {str(key): value for key, value in (query or {}).items() if isinstance(value, (str, int, float, bool, list))}


def _with_known(body: Any, chance: random.Random) -> Any:
    """Names that exist in some of the places where a name is asked for."""
    if not isinstance(body, dict):
        return body
    return {
        key: _KNOWN_BODIES[key] if key in _KNOWN_BODIES and chance.random() < 0.7 else value
        for key, value in body.items()
    }
