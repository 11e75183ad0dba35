"""What botocore reads and makes again and again, once for each process: tests open hundreds of sessions and make thousands
of calls.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore import hooks, loaders, useragent


def read_once() -> None:
    """From here on, sessions share what they read. botocore shares it among the clients of a session already. They share what
    it calls events too, which each client looks up anew, and words of the User-Agent, which each request spells anew.
    """
    load, list_services = loaders.JSONFileLoader.load_file, loaders.Loader.list_available_services
    loaded: dict[str, Any] = {}
    listed: dict[tuple[str, ...], list[str]] = {}
    make_aliaser = hooks.EventAliaser.__init__
    events: dict[str, str] = {}

    def load_file(self: Any, path: str) -> Any:
        if path not in loaded:
            loaded[path] = load(self, path)
        return loaded[path]

    def list_available_services(self: Any, type_name: str) -> list[str]:
        key = (type_name, *self.search_paths)
        if key not in listed:
            listed[key] = list_services(self, type_name)
        return listed[key]

    def init_aliaser(self: Any, *arguments: Any) -> None:
        make_aliaser(self, *arguments)
        self._alias_name_cache = events  # all have the same aliases

    loaders.JSONFileLoader.load_file = load_file
    loaders.Loader.list_available_services = list_available_services
    hooks.EventAliaser.__init__ = init_aliaser
    useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)
