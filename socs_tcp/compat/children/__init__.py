"""Not for import: a directory for ``PYTHONPATH``; see ``sitecustomize.py``."""
