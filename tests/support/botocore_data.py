"""What botocore reads and makes again and again, once for each process: tests open hundreds of sessions and make thousands
of calls.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore import loaders, useragent


def read_once() -> None:
    """From here on, sessions share what they read. botocore shares it among the clients of a session already. Words of the
    User-Agent, which each request spells anew, are kept too.
    """
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
    useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)
