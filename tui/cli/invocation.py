"""One call of the program: where its defaults come from, and how each ending becomes a message and
an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from eetui.core.errors import EetuiError, UsageError
from eetui.core.files import reason
from eetui.core.text import visible
from eetui.tui.cli.commands import built
from eetui.tui.cli.output import complain, prepare_streams
from eetui.tui.cli.program import COMMANDS, CONFIGURABLE, app


class _ConfiguredDefaults(dict[str, Any]):
    """The configuration file as Click's `default_map`, read when the first option needs it.

    So that help, the version and the doctor work whatever is in the file.
    """

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__()
        self._is_help = not {"-h", "--help"}.isdisjoint(args)
        self._has_command = any(arg in COMMANDS for arg in args[:1])
        self._args = args
        self._settings: dict[str, Any] | None = None

    def get(self, key: str, default: Any = None) -> Any:
        if self._has_command and key == self._args[0]:
            return _ConfiguredDefaults(self._args[1:])
        if self._is_help or self._has_command or key not in CONFIGURABLE:
            return default
        if self._settings is None:
            from eetui.core.settings import load_config

            self._settings = load_config()
        return self._settings.get(key, default)


def _explain(error: typer.TyperException) -> str:
    """The error's sentence, and where the value came from if not from the command line."""
    message = error.format_message().replace("Value error, ", "")  # pydantic's own words
    if not isinstance(error, typer.BadParameter) or error.param is None or error.ctx is None:
        return message
    source = error.ctx.get_parameter_source(error.param.name)
    variable = error.param.envvar
    if source and source.name == "ENVIRONMENT" and isinstance(variable, str):
        return f"{message.rstrip('.')} ({variable}={os.environ.get(variable)})"
    if source and source.name == "DEFAULT_MAP":
        return f"{message.rstrip('.')} (in the configuration file)"
    return message


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code: 0, 1 failed, 2 usage."""
    prepare_streams()
    args = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = built(app).main(
            args=args,
            prog_name="eetui",
            standalone_mode=False,
            default_map=_ConfiguredDefaults(args),
        )
        sys.stdout.flush()
        return int(code or 0)
    except typer.TyperException as error:
        complain(_explain(error) or "Name one of these commands.")  # its help has been printed
        return error.exit_code
    except EetuiError as error:
        complain(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        # Whoever read has gone, as in `eetui train --jsonl | head`; nothing is left to be told.
        _give_up_stdout()
        return 1
    except OSError as error:
        what = "The output" if error.filename is None else visible(str(error.filename))
        complain(f"{what} cannot be used: {reason(error)}.")
        _give_up_stdout()
        return 1
    except (MemoryError, ImportError, RuntimeError, SystemError) as error:
        if not isinstance(error, MemoryError) and not _is_out_of_memory(error):
            raise
        complain("There is not enough memory: use a smaller model, batch or data file.")
        return 1


OUT_OF_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "can't start new thread",
    "error return without exception set",
)
"""What Python, NumPy and the system's loader say when there was no room for something."""


def _is_out_of_memory(error: Exception) -> bool:
    """Whether a library could not be loaded, or a thread started, for want of memory."""
    return any(words in str(error).lower() for words in OUT_OF_MEMORY)


def _give_up_stdout() -> None:
    """Python flushes stdout once more at exit, so what is left in it must have somewhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
