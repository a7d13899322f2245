"""`python -m avatar_engine` is the command line."""

import sys

from avatar_engine.cli import main

sys.exit(main())
