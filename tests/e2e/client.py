"""The business's own service as a client of the API: one key, JSON in and out, and an error that shows the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

_PATIENCE_SECONDS = 30.0


class RefusedError(AssertionError):
    """The API answered with an error where the test needs success."""


class Client:
    """Calls with one key; without a key, as nobody."""

    def __init__(self, address: str, key: str = "", **headers: str) -> None:
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._http = httpx.Client(base_url=address, headers=headers, timeout=_PATIENCE_SECONDS, trust_env=False)

    def get(self, path: str, **query: Any) -> Any:
        """The document at a path."""
        return self._read(self.raw("GET", path, params=query))

    def post(self, path: str, body: object = None) -> Any:
        """The answer to a document."""
        return self._read(self.raw("POST", path, json=body))

    def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The response as it came, whatever it says."""
        return self._http.request(method, path, **options)

    def _read(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise RefusedError(f"{response.request.method} {response.request.url}: {response.text[:2000]}")
        return response.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()
