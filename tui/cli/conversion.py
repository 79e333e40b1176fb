"""What is written on the command line, as the values of options.

Typer checks every option with Pydantic, one that nobody gave as well, and loading that takes 0.1 s.
What can be told at a glance needs none of it. Anything else goes to Typer, which words the errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin

import typer

from eetui.core.text import told

_WRITTEN: dict[Any, re.Pattern[str]] = {
    int: re.compile(r"[+-]?\d{1,18}", re.ASCII),
    float: re.compile(r"[+-]?(\d{1,18}\.?\d{0,18}|\.\d{1,18})(e[+-]?\d{1,2})?", re.ASCII),
}
_SWITCHES = {"0": False, "1": True, "false": False, "true": True}
"""As the environment and Typer's own flags have them; it knows more words."""
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")


def told_at_a_glance(annotation: Any, value: Any) -> tuple[Any] | None:
    """The value that was meant, in a tuple; None if Typer has to decide."""
    if type(value) is annotation and annotation in (bool, int, float, str):
        return (value,)
    if get_origin(annotation) is Literal and value in get_args(annotation):
        return (value,)
    if annotation is bool and value in _SWITCHES:
        return (_SWITCHES[value],)
    written = _WRITTEN.get(annotation)
    if written and isinstance(value, str) and written.fullmatch(value):
        return (annotation(value),)
    return None


class _Conversion:
    """Stands before `thorough`, which makes Typer's own conversion of a parameter."""

    def __init__(self, thorough: Callable[[], Any]) -> None:
        self._thorough = thorough

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """The value of the parameter; raises Typer's error for one that it cannot have."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        descriptor = param.type_descriptor
        meant = told_at_a_glance(descriptor.annotation, value)
        if meant and not descriptor.is_ranged:
            return meant[0]
        if descriptor.annotation is int and isinstance(value, str) and not _WHOLE.fullmatch(value):
            # Typer would take 8.0 for 8
            raise typer.BadParameter(f"must be a whole number, not {told(value)}.", ctx, param)
        return self._thorough().coerce(value, param=param, ctx=ctx)


def convert_at_a_glance(command: Any) -> None:
    """Have the parameters of a command, and of all commands below it, converted so."""
    command.get_params = partial(_converted, command.get_params)
    for below in getattr(command, "commands", {}).values():
        convert_at_a_glance(below)


def _converted(
    parameters_of: Callable[[typer.Context], list[Any]], ctx: typer.Context
) -> list[Any]:
    """The parameters of a command; Typer makes the one for help when it is asked for them."""
    parameters = parameters_of(ctx)
    for parameter in parameters:
        thorough = parameter.get_runtime_param
        if not isinstance(thorough, partial):
            parameter.get_runtime_param = partial(_Conversion, thorough)
    return parameters
