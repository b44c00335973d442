"""The command line: ``python -m socs_tcp COMMAND``. Each command is a module here."""
