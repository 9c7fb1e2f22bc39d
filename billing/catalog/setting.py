"""A setting is the value of a static-configuration feature: any JSON, kept as one canonical text, so that equal settings are equal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

MOST_CHARACTERS = 4096


class BadSettingError(InvalidError):
    """The value is no JSON, or too much of it."""

    code = "bad_setting"


@dataclass(frozen=True, slots=True)
class Setting:
    """`text` is JSON with sorted names and no spaces, at most 4,096 characters; make one by `setting`."""

    text: str

    @property
    def value(self) -> Any:
        """The JSON value, made anew, so that nobody can change it for others."""
        return json.loads(self.text)


Value: TypeAlias = bool | int | Setting | None
"""What a right is worth: a boolean feature is had or not, a limit has units or None for no limit, a configuration its setting."""


def setting(value: object) -> Setting:
    """The setting of a JSON value. Raises BadSettingError.

    >>> setting({"b": 1, "a": [True]}).text
    '{"a":[true],"b":1}'
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSettingError("a setting is a JSON value: text, number, true, false, null, list or object") from error
    if len(text) > MOST_CHARACTERS or not is_storable(text):
        raise BadSettingError(
            f"a setting is at most {MOST_CHARACTERS} storable characters of JSON", characters=len(text)
        )
    return Setting(text)


def given(value: object) -> Value:
    """A JSON value as somebody gives it: what only a configuration can be worth is a setting already.

    >>> given(True), given("dark")
    (True, Setting(text='"dark"'))
    """
    return value if value is None or isinstance(value, bool | int) else setting(value)


def said(value: Value) -> Any:
    """A value as an answer shows it: a setting as its JSON."""
    return value.value if isinstance(value, Setting) else value


def stored(value: Value) -> dict[str, Any]:
    """A value as a document, from which `restored` reads it back."""
    return {"setting": value.text} if isinstance(value, Setting) else {"value": value}


def restored(document: dict[str, Any]) -> Value:
    """What `stored` wrote."""
    return Setting(document["setting"]) if "setting" in document else document["value"]
