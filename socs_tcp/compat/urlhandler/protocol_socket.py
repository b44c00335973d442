"""``serial.serial_for_url("socket://host:port")`` under the switch: pyserial finds it."""

from ...serial import protocol_socs
from ..cable import Cable


class Serial(protocol_socs.Serial, Cable):
    """As ``socs://``; a loss is no error, as on a serial line."""

    SCHEME = "socket"
