"""A tilt sensor that is not asked: it sends a frame of twelve bytes again and again.

A client comes in the middle of a frame, and bytes get lost on the serial line. So a frame begins
where its header is.
"""

import time

# driver
from socs_tcp import DeviceAgentMixin, Framer, ReplyTimedOut, TCPInterface

HEADER, LENGTH = b"\x61\x22", 12
LIMIT = 30.0        # degrees; what is beyond is no angle


class TiltFramer(Framer):
    """Whatever comes before a header is handed over with the frame, and cut off there."""

    def find(self, buffer, start, stop, scanned):
        begin = buffer.find(HEADER, start, stop)
        end = begin + LENGTH
        if begin >= 0 and end <= stop:
            return end, end
        if stop - start > self.max_length:
            raise self.too_long(buffer[start:stop])
        return None


class TiltSensor(TCPInterface):
    def __init__(self, host, port, timeout=2):
        super().__init__(host, port, timeout, framer=TiltFramer(1000))

    def get_data(self):
        try:
            frame = self.recv_frame()[-LENGTH:]
        except ReplyTimedOut as exc:    # others may have nothing to say; this one always has
            raise ConnectionError(f"the sensor is silent: {exc}") from exc
        y, x = (int.from_bytes(frame[at:at + 3], "little") / 1e4 - LIMIT for at in (2, 5))
        if abs(x) > LIMIT or abs(y) > LIMIT:
            raise ValueError(f"no angles: {frame!r}")
        return {"x_deg": round(x, 4), "y_deg": round(y, 4)}
# end of driver


# agent
class TiltAgent(DeviceAgentMixin):
    def __init__(self, agent, host, port, timeout=2, period=0.01):
        self.agent, self.period = agent, period     # shorter than that of the sensor
        self.sensor = TiltSensor(host, port, timeout)
        self.watch(self.sensor)
        agent.register_feed("tilt", record=True)

    def acq(self, session, params):
        """acq()

        **Process** - Publish each frame that comes.
        """
        for reading in self.poll(session, self.sensor.get_data, self.period):
            session.data = reading
            self.agent.publish_to_feed("tilt", {
                "block_name": "tilt", "timestamp": time.time(), "data": reading})
        return True, "Acquisition ended."
# end


def frame(x, y):
    """What the sensor says when it is tilted by so many degrees."""
    angles = b"".join(round((angle + LIMIT) * 1e4).to_bytes(3, "little") for angle in (y, x))
    return HEADER + angles + bytes(4)


AGENT, FRAMER = TiltAgent, TiltFramer()
EXPECTED = {"x_deg": 1.5, "y_deg": -2.25}
SPEAKS = frame(1.5, -2.25)
