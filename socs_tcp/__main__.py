"""``python -m socs_tcp``."""

import sys

try:
    from .cli.main import main
    code = main()
except KeyboardInterrupt:
    code = 130      # INTERRUPTED of .cli.main, which may not be there yet
sys.exit(code)
