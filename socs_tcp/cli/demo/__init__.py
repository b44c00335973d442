"""The demonstration behind ``python -m socs_tcp demo``: the same agent with us and without."""
