"""Nonsense for every option of every command, alone and together."""

from __future__ import annotations

import typer

from eetui.tui.cli.program import COMMANDS, app
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
    random, group = setting.random, typer.main.get_command(app)
    for _ in range(n):
        command = random.choice(COMMANDS)
        options = [
            option
            for option in group.commands[command].params  # type: ignore[attr-defined]
            if option.opts[0] not in ("--help", "--report")
        ]
        arguments = [command, *QUICK.get(command, [])]
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


def _value(setting: Setting) -> str:
    random = setting.random
    if random.random() < 0.7:
        return random.choice(HOSTILE)
    return "".join(
        chr(random.choice((random.randrange(1, 256), random.randrange(1, 0x3000))))
        for _ in range(random.randrange(30))
    )
