"""The program as Typer runs it, with every command built when it is asked for.

To build all of them takes 30 ms; a call needs one, and the screen none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any

import typer
from typer.main import get_command, get_command_from_info, get_group_from_info

from eetui.tui.cli.conversion import convert_at_a_glance


class Commands(Mapping[str, Any]):
    """The commands and groups of a program, by their names."""

    def __init__(self, program: typer.Typer) -> None:
        looks: dict[str, Any] = {
            "pretty_exceptions_short": program.pretty_exceptions_short,
            "rich_markup_mode": program.rich_markup_mode,
        }
        self._built: dict[str, Any] = {}
        self._builders: dict[str, Callable[[], Any]] = {}
        for command in program.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            self._builders[name] = partial(get_command_from_info, command, **looks)
        for group in program.registered_groups:
            assert group.typer_instance is not None
            suggests = program.suggest_commands
            build = partial(get_group_from_info, group, suggest_commands=suggests, **looks)
            self._builders[str(group.typer_instance.info.name)] = build

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = self._builders[name]()
            convert_at_a_glance(self._built[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)


def built(program: typer.Typer) -> Any:
    """The group of a program's own options and its commands."""
    bare = copy(program)
    bare.registered_commands, bare.registered_groups = [], []
    group: Any = get_command(bare)
    convert_at_a_glance(group)
    group.commands = Commands(program)
    return group
