"""``serial.serial_for_url("socket://host:port")`` under the switch: pyserial finds it."""

from ...serial import protocol_socs


class Serial(protocol_socs.Serial):
    """As ``socs://``."""

    SCHEME = "socket"
