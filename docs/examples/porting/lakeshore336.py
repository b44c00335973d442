"""The one method of a Lake Shore 336 driver that talks to the device, on socs_tcp."""

import re

from socs_tcp import LineFramer, TCPInterface


class LS336(TCPInterface):
    def __init__(self, ip, port=7777, timeout=10):
        self.id = None          # before super().__init__, which connects: see set_up
        super().__init__(ip, port, timeout, framer=LineFramer("\r\n"),
                         gap=0.1,        # the device loses what comes too soon
                         identify=("*IDN?", re.compile(b"LSCI,MODEL336,")),
                         on_connect=self.set_up)

    def set_up(self, device):
        self.id = self.msg("*IDN?")         # after each connect

    def msg(self, message):
        if "?" in message:
            return self.query(message).decode()
        self.send(message + "\r\n")
        return ""

    def get_temp(self, channel):
        return float(self.msg(f"KRDG? {channel}"))
