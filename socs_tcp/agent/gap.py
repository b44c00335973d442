"""What a loop over readings gives where there is no reading."""

from __future__ import annotations

from ..core.text import printable


class Gap:
    """In the place of a reading that there is not. It is false.

    Attributes
    ----------
    error : Exception
        Why there is none.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<Gap: {printable(str(self.error), 200)}>"
