"""Nonsense for every option of every command, alone and together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from eetui.tui.cli.program import app
from tests.campaign.trial import HOSTILE, Setting, judge, run_in_fork

QUICK = {
    "train": ["--steps", "3", "--engine", "numpy", "--d-model", "8"],
    "sample": [],
    "bench": ["--repeats", "1", "--engine", "numpy", "--d-model", "8"],
    "ladder": ["--rounds", "0"],
    "race": ["--seconds", "0.01", "--contestants", "numpy", "--d-model", "8"],
    "doctor": ["--json"],
}


def nonsense(setting: Setting, n: int) -> None:
    """Each trial is a command with one to three options that have odd values."""
    random, commands = setting.random, dict(_commands())
    for _ in range(n):
        command = random.choice([*commands])
        options = [o for o in commands[command].params if o.opts[0] not in ("--help", "--report")]
        arguments = [*command.split(), *QUICK.get(command, [])]
        for option in random.sample(options, min(random.randint(1, 3), len(options))):
            if option.param_type_name == "option":
                arguments.append(random.choice(option.opts))
            if option.param_type_name == "argument" or not option.is_flag:
                arguments.append(_value(setting))
        if random.random() < 0.1:
            arguments.insert(random.randrange(len(arguments) + 1), _value(setting))
        arguments = [a.replace("\0", "\x01") for a in arguments]  # no system passes NUL
        code, out, err = run_in_fork(arguments, setting)
        judge(setting.tally, ascii(arguments)[:300], code, out, err, allowed=(143,))


def _commands() -> Iterator[tuple[str, Any]]:
    """Every command by its words, such as 'train' or 'runs list'."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", {})
        yield name, command
        yield from ((f"{name} {word}", each) for word, each in below.items())


def _value(setting: Setting) -> str:
    random = setting.random
    if random.random() < 0.7:
        return random.choice(HOSTILE)
    return "".join(
        chr(random.choice((random.randrange(1, 256), random.randrange(1, 0x3000))))
        for _ in range(random.randrange(30))
    )
