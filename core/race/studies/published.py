"""Figures that others have published, all from an Apple M5. None of eetui's rests on them."""

from __future__ import annotations

from dataclasses import dataclass

MACHINE = "Apple M5, one performance core"
EE = "EEmicroGPT's README and essay, https://github.com/Entrpi/eemicrogpt"
JPT = "microjpt's README, measured by EEmicroGPT's author"


@dataclass(frozen=True, slots=True)
class Figure:
    """Microseconds a sample of a program on `MACHINE`, with Karpathy's names as data.

    contestants: those that work the same way; it belongs in their row.
    """

    program: str
    d_model: int
    batch: int
    us_per_sample: float
    source: str = EE
    contestants: tuple[str, ...] = ()


FIGURES = (
    Figure("microgpt.py, CPython 3.14", 16, 1, 49_000, contestants=("scalar",)),
    Figure("microgpt.py, PyPy 7.3.17", 16, 1, 17_640),
    Figure("microgpt.cpp", 16, 1, 270, contestants=("tape",)),
    Figure("rust-microgpt", 16, 1, 118, contestants=("tape-f32",)),
    Figure("microjpt", 16, 1, 31, JPT, contestants=("explicit",)),
    Figure("EEmicroGPT", 16, 16, 3.0, contestants=("native",)),
    Figure("microgpt.py, CPython 3.14", 64, 1, 713_200, contestants=("scalar",)),
    Figure("microgpt.py, PyPy 7.3.17", 64, 1, 301_400),
    Figure("microgpt.cpp", 64, 1, 3_260, contestants=("tape",)),
    Figure("rust-microgpt", 64, 1, 1_620, contestants=("tape-f32",)),
    Figure("microjpt", 64, 1, 294, JPT, contestants=("explicit",)),
    Figure("EEmicroGPT, scalar", 64, 16, 46.8, contestants=("native",)),
    Figure("EEmicroGPT, SME2", 64, 16, 36.8, contestants=("native+matrix",)),
    Figure("MLX on the M5's GPU", 16, 16, 72, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 32, 16, 72, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 64, 16, 72, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 128, 16, 197, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 256, 16, 204, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 512, 16, 423, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 16, 128, 21, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 32, 128, 23, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 64, 128, 36, contestants=("mlx+gpu",)),
    Figure("MLX on the M5's GPU", 128, 128, 41, contestants=("mlx+gpu",)),
)


def find_published(name: str, d_model: int, batch: int) -> Figure | None:
    """The published figure for a contestant at the same width and batch, or None."""
    fits = (
        f for f in FIGURES if name in f.contestants and (f.d_model, f.batch) == (d_model, batch)
    )
    return next(fits, None)


ONE_SECOND = {
    ("native", 16): 2.0869,
    ("native", 32): 2.0747,
    ("native", 64): 2.1384,
    ("native", 128): 2.2633,
    ("native+matrix", 64): 2.0974,
    ("native+matrix", 128): 2.1645,
}
"""EEmicroGPT's losses within about one second at batch 16, by contestant and d_model: its scalar
path and its SME2 path. It calls them bpc@1s, but they are nats a character, as all losses here."""
