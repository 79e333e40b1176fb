"""What eetui finds on this machine, and what of it stands in the way."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

from eetui.core import cpu, settings
from eetui.core.config import ModelConfig
from eetui.core.data.dataset import Dataset, load_dataset
from eetui.core.data.heldout import DEFAULT_SHARE
from eetui.core.engines import registry, tuned
from eetui.core.engines.availability import FROM_D_MODEL, automatic, judge
from eetui.core.engines.base import Engine
from eetui.core.errors import EetuiError, EngineError
from eetui.core.optimizations import CATALOGUE, labels
from eetui.core.store.store import find_store
from eetui.core.version import version as own_version

LIBRARIES = (
    "numpy",
    "numba",
    "llvmlite",
    "textual",
    "plotext",
    "rich",
    "typer",
    "safetensors",
    "platformdirs",
    "pooch",
)
TELLING = ("sse", "avx", "fma", "amx", "neon", "asimd", "sve", "sme", "f16", "bf16")
"""Beginnings of the names of CPU features that decide what an engine can do."""
SMALLEST_COLUMNS, SMALLEST_ROWS = 80, 24

Detail = str | int | bool | list[str]


@dataclass(frozen=True, slots=True)
class Section:
    """Details of one subject, by names such as 'instruction_set'."""

    title: str
    details: dict[str, Detail]


@dataclass(frozen=True, slots=True)
class Report:
    """All sections, and a sentence for each thing that keeps eetui from working as it should."""

    sections: tuple[Section, ...]
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The report as JSON-like values, sections by title."""
        sections = {section.title: asdict(section)["details"] for section in self.sections}
        return {**sections, "problems": list(self.problems)}


def examine() -> Report:
    """Look at everything; makes the default engine ready, which may take seconds to compile."""
    problems: list[str] = []
    return Report(
        sections=(
            _program(),
            _cpu(),
            *_engines(problems),
            _terminal(problems),
            _files(problems),
            _versions(problems),
        ),
        problems=tuple(problems),
    )


def _program() -> Section:
    return Section(
        "eetui",
        {
            "version": own_version(),
            "python": f"{platform.python_version()} ({sys.executable})",
            "system": platform.platform(),
        },
    )


def _cpu() -> Section:
    host = cpu.detect()
    return Section(
        "cpu",
        {
            "name": host.name,
            "architecture": host.architecture,
            "instruction_set": host.instruction_set,
            "float_lanes": host.lanes,
            "vector_registers": host.vector_registers,
            "cores_for_eetui": host.cores,
            "features": sorted(name for name in host.features if name.startswith(TELLING)),
        },
    )


def _engines(problems: list[str]) -> list[Section]:
    engines, missing = _create_all()
    default = registry.default()
    if default in missing:
        problems.append(missing[default])
    chosen = engines.get(default) or next(iter(engines.values()))
    best = chosen.default_optimizations()
    picked = Section(
        "engine",
        {
            "picked": chosen.name,
            "why": chosen.summary,
            "runs": chosen.instruction_set(best),
            "toggles": [f"{key}={label}" for key, label in labels(best).items()],
            "products_by_itself": _automatic(chosen),
            "tuned_here": _tuned(chosen),
            "ready": _make_ready(chosen, problems),
            "others": [f"{e.name}: {e.summary}" for e in engines.values() if e is not chosen],
            "missing": [f"{name}: {reason}" for name, reason in missing.items()],
            "native_build": _native_build(),
        },
    )
    toggles: dict[str, Detail] = {}
    for entry in CATALOGUE:
        toggles[entry.key] = [
            f"{entry.label(value)}: {reason}" if reason else entry.label(value)
            for value, reason in judge(chosen, entry).why_not.items()
        ]
    return [picked, Section("toggles", toggles)]


def _automatic(engine: Engine) -> str:
    """What computes the products as long as nobody says what shall."""
    wide = ModelConfig(d_model=FROM_D_MODEL)
    value = automatic(engine, wide, engine.default_optimizations())
    return "tiles" if value == "tiles" else f"{value} from d_model {FROM_D_MODEL} on, tiles below"


def _tuned(engine: Engine) -> list[str]:
    """What was measured to be the best set of toggles, by the width of the model."""
    found = [t for t in tuned.everything() if t.engine == engine.name]
    found.sort(key=lambda t: t.d_model)
    texts = [f"d_model {t.d_model}: {tuned.written(t)} ({t.day})" for t in found]
    return texts or ["not yet: eetui tune"]


def _create_all() -> tuple[dict[str, Engine], dict[str, str]]:
    """The engines that are there, and why the others are not."""
    engines, missing = {}, {}
    for name in registry.ENGINES:
        try:
            engines[name] = registry.create(name)
        except (EngineError, ImportError, OSError) as error:
            missing[name] = str(error)
    return engines, missing


def _native_build() -> str:
    from eetui.core.engines.native import library

    try:
        built = library.load()
    except EngineError:
        return "none"
    units = ", ".join(f"{u.name}{'' if u.runs else ' (not on this CPU)'}" for u in built.units)
    return f"{built.compiler}: {units}; a reading of its clock takes {built.clock_cost():.0f} ticks"


def _make_ready(engine: Engine, problems: list[str]) -> str:
    start = perf_counter()
    try:
        engine.prepare(ModelConfig(), engine.default_optimizations())
    except Exception as error:  # whatever it is, telling it is what this is for
        problems.append(f"The {engine.name} engine cannot be made ready: {error}")
        return "no"
    return f"after {perf_counter() - start:.2f} s"


def _terminal(problems: list[str]) -> Section:
    columns, rows = shutil.get_terminal_size()
    streams = (sys.stdin, sys.stdout, sys.stderr)
    is_terminal = all(stream is not None and stream.isatty() for stream in streams)
    encoding = str(getattr(sys.stdout, "encoding", "none")).lower()
    if is_terminal and (columns < SMALLEST_COLUMNS or rows < SMALLEST_ROWS):
        problems.append(
            f"The terminal has {columns}x{rows} characters: make it at least "
            f"{SMALLEST_COLUMNS}x{SMALLEST_ROWS}."
        )
    if is_terminal and not encoding.startswith("utf"):
        problems.append(f"The terminal's encoding is {encoding}: set LANG to a UTF-8 locale.")
    if is_terminal and os.environ.get("TERM", "dumb") == "dumb":
        problems.append("TERM says that the terminal is dumb: use one that can move its cursor.")
    return Section(
        "terminal",
        {
            "screen": is_terminal,
            "size": f"{columns}x{rows}",
            "type": os.environ.get("TERM", "unknown"),
            "colours": _colours(),
            "encoding": encoding,
        },
    )


def _colours() -> str:
    if os.environ.get("NO_COLOR"):
        return "none (NO_COLOR is set)"
    if os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "16 million"
    return "256" if "256" in os.environ.get("TERM", "") else "16"


def _files(problems: list[str]) -> Section:
    details: dict[str, Detail] = {}
    try:
        names = load_dataset()
        details["names"] = f"{names.path} ({names.n_docs:,} documents)"
        details["held_out"] = _held_out(names)
    except EetuiError as error:
        problems.append(str(error))
    try:
        n_settings = len(settings.load_config())
        details["configuration"] = f"{settings.config_path()} ({n_settings} settings)"
    except EetuiError as error:
        details["configuration"] = str(settings.config_path())
        problems.append(str(error))
    details["runs"] = str(find_store(os.environ.get("EETUI_STORE")))
    details["state"] = str(settings.state_path())
    details["cache"] = str(settings.cache_path())
    details["compiled_kernels"] = _kernels(problems)
    return Section("files", details)


def _held_out(names: Dataset) -> str:
    """How the documents that are kept from training are chosen, and what chance would do."""
    parted = names.with_held_out(DEFAULT_SHARE)
    n = parted.held_out.n_docs if parted.held_out is not None else 0
    shared = names.shared_by_chance(DEFAULT_SHARE)
    return (
        f"{n:,}, by a hash: equal names lie on one side, so none of them is trained on. "
        f"Of a random tenth, {shared:.0%} would be."
    )


def _kernels(problems: list[str]) -> str:
    try:
        from eetui.core.engines.numba.kernel_cache import FOLDER_VARIABLE, SUFFIX, cache_folder
    except (ImportError, OSError):
        return "none: Numba cannot be loaded"
    folder = cache_folder()
    if folder is None:
        problems.append(
            "There is no folder for compiled kernels that only you can write to, so every start "
            f"compiles them: name one in {FOLDER_VARIABLE}."
        )
        return "nowhere"
    n_files = len(list(folder.glob(f"*{SUFFIX}")))
    return f"{folder} ({n_files} kept)"


def _versions(problems: list[str]) -> Section:
    details: dict[str, Detail] = {}
    for name in LIBRARIES:
        try:
            details[name] = version(name)
        except PackageNotFoundError:
            details[name] = "missing"
            problems.append(f"{name} is not installed: install eetui again.")
    return Section("versions", details)
