"""A serial port as SOCS' own drivers know it: one whose cable may be pulled, which is no error.

Their agents expect no error of a write or of a read: on a real serial line there is none, and an
acquisition would end. The link says what happened, and so `session.degraded` does.
"""

from __future__ import annotations

from typing import Any

from ..core.errors import show
from ..serial import SerialOverTCP


class Cable(SerialOverTCP):
    """While the device is away, what is written is lost, and nothing comes."""

    def write(self, data: Any) -> int:
        """Write over a new connection where the old one is gone; what cannot be sent is told."""
        try:
            return super().write(data)
        except ConnectionError as exc:
            link = self.device.link
            link.remark("not sent", f"{show(bytes(data))} was not sent: {exc}")
            link.tell()
            return len(data)

    def _read(self, enough: Any, size: int, whole: bool = False) -> bytes:
        try:
            return super()._read(enough, size, whole)
        except ConnectionError:
            return b""

    @property
    def in_waiting(self) -> int:
        """So many bytes can be read at once."""
        try:
            return super().in_waiting
        except ConnectionError:
            return 0
