"""Damaged state, configuration and compiled kernels."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.campaign.trial import HOSTILE, PATIENCE, Setting, judge, run_in_fork, start

KEYS = ("engine", "d_model", "lr", "seed", "theme", "prefix", "data", "optimizations", "matrix")


def settings_files(setting: Setting, n: int) -> None:
    """A configuration that makes no sense is one sentence; a state that makes none is forgotten."""
    random = setting.random
    for i in range(n):
        for name in ("CONFIG/eetui/config.toml", "STATE/eetui/state.json"):
            path = setting.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_garbage(random))
        arguments = ["--engine", "numpy", "--d-model", "8", "--steps", "2"]
        code, out, err = run_in_fork(arguments, setting)
        judge(setting.tally, f"settings {i}", code, out, err)
    for name in ("CONFIG", "STATE"):
        for path in (setting.folder / name).rglob("*.*"):
            path.unlink()


def kernels(setting: Setting, n: int) -> None:
    """Compiled kernels whose files were damaged are compiled again, and the engine trains."""
    cache = setting.folder / "kernels"
    cache.mkdir(mode=0o700)
    env = setting.environment(NUMBA_CACHE_DIR=str(cache))
    arguments = ["train", "--engine", "numba", "--d-model", "8", "--steps", "2", "--json"]
    for i in range(n + 1):
        files = sorted(cache.rglob("*.nb*"))
        if i and not files:
            setting.tally.others.append("no kernels were kept")
            return
        for path in setting.random.sample(files, len(files) // 2):
            _damage(path, setting.random)
        process = start(arguments, _with(setting, env))
        _, err = process.communicate(timeout=10 * PATIENCE)
        if i:
            judge(setting.tally, f"kernels {i}", process.returncode, "", err.decode())
            if process.returncode:
                setting.tally.others.append(f"kernels {i}: {err.decode()[-300:]!r}")


def _with(setting: Setting, env: dict[str, str]) -> Setting:
    class Same(Setting):
        def environment(self, **more: str) -> dict[str, str]:
            return {**env, **more}

    return Same(setting.random, setting.folder, setting.tally, setting.minutes)


def _garbage(random: Random) -> bytes:
    how = random.randrange(4)
    if how == 0:
        return random.randbytes(random.randrange(200))
    text = random.choice(HOSTILE)
    if how == 1:
        return f"{random.choice(KEYS)} = {text}\n".encode("utf-8", "surrogatepass")
    if how == 2:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{random.choice(KEYS)} = "{quoted}"\n'.encode("utf-8", "surrogatepass")
    value = random.choice(("[" * 5000, "1" * 5000, '{"theme": ["x"]}', '{"theme": {}}', "null"))
    return (
        f"{random.choice(KEYS)} = {value}\n".encode() if random.random() < 0.5 else value.encode()
    )


def _damage(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 20)):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content[: random.choice((len(content), random.randrange(len(content))))])
