"""A driver with its own socket code, as many agents have one."""

import socket
import time


class PowerSupply:
    def __init__(self, ip_address, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.connect((ip_address, port))
        self.sock.settimeout(5)

    def read(self):
        return self.sock.recv(128).decode().strip()

    def write(self, msg):
        self.sock.sendall((msg + "\n").encode())
        time.sleep(0.1)  # to prevent flooding the connection

    def get_volt(self, ch):
        self.write(f"inst:nsel {ch}")
        self.write("meas:volt?")
        return float(self.read())

    def set_volt(self, ch, volt):
        self.write(f"inst:nsel {ch}")
        self.write(f"volt {volt}")
