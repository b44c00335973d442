"""``python -m socs_tcp``."""

import sys

from .cli.main import main

sys.exit(main())
