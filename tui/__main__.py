"""`python -m eetui.tui` does what `eetui` does."""

import sys

from eetui.tui.cli import main

sys.exit(main())
