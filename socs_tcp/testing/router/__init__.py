"""A real crossbar router with real agents, for tests and demonstrations."""

from .crossbar import CrossbarRouter, RouterError

__all__ = ["CrossbarRouter", "RouterError"]
