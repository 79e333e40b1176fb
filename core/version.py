"""Which version of eetui this is."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache


@cache
def version() -> str:
    """As the installer wrote it down.

    It is a part of the name of the folder that holds the metadata. To have the standard library
    read what is in there takes 12 ms, most of it to load what reads it.
    """
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder or "."):
                if name.startswith("eetui-") and name.endswith(".dist-info"):
                    return name.removeprefix("eetui-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version("eetui")
