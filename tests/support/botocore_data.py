"""botocore's data, read once for each process: a session keeps what it has read, and tests open hundreds of sessions."""

from __future__ import annotations

from typing import Any

from botocore import loaders


def read_once() -> None:
    """From here on, sessions share what they read. botocore shares it among the clients of a session already."""
    load, list_services = loaders.JSONFileLoader.load_file, loaders.Loader.list_available_services
    loaded: dict[str, Any] = {}
    listed: dict[tuple[str, ...], list[str]] = {}

    def load_file(self: Any, path: str) -> Any:
        if path not in loaded:
            loaded[path] = load(self, path)
        return loaded[path]

    def list_available_services(self: Any, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in listed:
            listed[key] = list_services(self, type_name)
        return listed[key]

    loaders.JSONFileLoader.load_file = load_file
    loaders.Loader.list_available_services = list_available_services
