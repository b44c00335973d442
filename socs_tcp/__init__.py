from .tcp import TCPInterface
