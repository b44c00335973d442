"""``python -m socs_tcp.compat``."""

from .command import main

if __name__ == "__main__":
    main()
