"""A serial port that is in truth a TCP port: pyserial's names over our connection.

::

    from socs_tcp.serial import SerialOverTCP

    with SerialOverTCP("10.10.10.5", 4001, timeout=1.0) as gauge:
        gauge.write(b"*IDN?\\r\\n")
        print(gauge.readline())

Where pyserial is installed, importing this also teaches it the URL
``serial.serial_for_url("socs://10.10.10.5:4001")``, and the errors are
``serial.SerialException``, too. pyserial is not needed.
"""

from .errors import PYSERIAL
from .port import SerialOverTCP

__all__ = ["SerialOverTCP"]

if PYSERIAL is not None and __name__ not in PYSERIAL.protocol_handler_packages:
    PYSERIAL.protocol_handler_packages.append(__name__)
