"""Checkpoints with bytes changed, cut, doubled, and headers that make no sense."""

from __future__ import annotations

import json
from dataclasses import asdict
from random import Random

import numpy as np

from eetui.core.config import ModelConfig, TrainConfig
from eetui.core.data.dataset import load_dataset
from eetui.core.engines import registry
from eetui.core.errors import EetuiError
from eetui.core.model.state import TrainState
from eetui.core.optimizations import Optimizations
from eetui.core.run import checkpoint
from tests.campaign.trial import HOSTILE, Setting, unprintable

NUMBERS = (0, -1, 1, 2**63, 10**30, 10**400, 1.5, float("nan"), float("inf"))
ODD: tuple[object, ...] = (*NUMBERS, True, None, [], {}, "x", "")


def checkpoints(setting: Setting, n: int) -> None:
    """A file either loads as something that can be trained, or is refused in one sentence."""
    random, tally, data = setting.random, setting.tally, load_dataset()
    model = ModelConfig(d_model=8, n_heads=2, block_size=8, vocab_size=data.vocab_size)
    path = setting.folder / "run.safetensors"
    made = checkpoint.Checkpoint(
        TrainState.create(model, 1), model, TrainConfig(), Optimizations(), data.vocabulary, "names"
    )
    checkpoint.save(path, made)
    good = path.read_bytes()
    engine, cut = registry.create("numpy"), data.with_block_size(8)
    for i in range(n):
        path.write_bytes(_changed(good, random))
        tally.trials += 1
        try:
            loaded = checkpoint.load(path)
            loaded.require_vocabulary(data.vocabulary, "names")
            if loaded.model == model:
                engine.generate(loaded.state.params, loaded.model, cut, 1, 0.5, "", i)
        except EetuiError as error:
            words = str(error)
            if len(words) > 1000 or unprintable(words):
                tally.others.append(f"trial {i}: {ascii(words)[:300]}")
        except BaseException as error:
            tally.tracebacks.append(f"trial {i}: {error!r}"[:300])


def _changed(good: bytes, random: Random) -> bytes:
    how = random.randrange(7)
    if how == 0:
        return good[: random.randrange(len(good))]
    if how == 1:  # bits anywhere
        content = bytearray(good)
        for _ in range(random.randint(1, 8)):
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        return bytes(content)
    if how == 2:  # bytes of the header
        content = bytearray(good)
        size = int.from_bytes(good[:8], "little")
        for _ in range(random.randint(1, 8)):
            content[random.randrange(8 + size)] = random.randrange(256)
        return bytes(content)
    if how == 3:
        return good[: random.randrange(len(good))] + random.randbytes(random.randrange(2000))
    if how == 4:  # numbers that no weights are
        content = bytearray(good)
        size = int.from_bytes(good[:8], "little")
        odd = random.choice((np.nan, np.inf, -np.inf, 3e38, -1.0, 1e-45))
        place = 8 + size + 4 * random.randrange((len(good) - 8 - size) // 4)
        content[place : place + 4] = np.float32(odd).tobytes()
        return bytes(content)
    size = int.from_bytes(good[:8], "little")
    header = json.loads(good[8 : 8 + size])
    metadata = header["__metadata__"]
    key = random.choice([*metadata, "__metadata__"])
    if key in ("model", "train") and random.random() < 0.7:
        values = asdict(ModelConfig() if key == "model" else TrainConfig())
        values[random.choice([*values])] = random.choice((*ODD, *HOSTILE))
        metadata[key] = json.dumps(values)
    elif key == "__metadata__":
        header[random.choice([*header])] = random.choice((*ODD, *HOSTILE))
    else:
        deep = random.choice(("[", '{"a":')) * random.choice((10, 1000, 100_000))
        metadata[key] = random.choice((*map(str, ODD), *HOSTILE, deep, "\x1b]0;x\x07" * 100_000))
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + good[8 + size :]
