"""What the loops over readings have in common: when the next is due, and what its failure means."""

from __future__ import annotations

from typing import Any

from ..core.errors import DeviceConnectionError, ReplyTimedOut, address_name, show
from .degraded import Degraded
from .gap import Gap
from .reporting import say
from .session_data import check_data


class Pace:
    """When the next reading is due. Pure: it is told the time.

    Parameters
    ----------
    period : float
        Seconds from the start of one reading to that of the next.
    quantize : bool
        Shall readings begin at whole periods since the epoch, as far as they can?
    now : float
        Seconds of any clock that is never set.
    wall : float
        Seconds since the epoch. (That clock may be set.)

    Attributes
    ----------
    due : float
        When the next reading is due, by the first clock.
    """

    def __init__(self, period: float, quantize: bool, now: float, wall: float) -> None:
        self._period = period
        self.quantize = quantize
        self.due = now + (-wall % period if quantize else 0.0)

    def next(self, now: float, wall: float, wait: float = 0.0) -> None:
        """A reading is over, and the next one shall be `wait` seconds away at least."""
        if not self.quantize:
            self.due = max(self.due + self._period, now + wait)
            return
        last, self.due = self.due, now + wait + -(wall + wait) % self._period
        if self.due - last < self._period / 2:      # it began a little early
            self.due += self._period


class Poll:
    """One loop over readings of one session. One thread at a time.

    Parameters
    ----------
    view : Degraded
    session : OpSession
    unreadable : tuple of type
        What a reading may raise, other than a `ConnectionError`, without ending the loop.
    """

    def __init__(self, view: Degraded, session: Any, unreadable: tuple[type[Exception], ...]
                 ) -> None:
        self._view = view
        self._session = session
        self._unreadable = unreadable
        self._told: set[str] = set()        # since the last good reading
        view.begin(session)

    def good(self) -> None:
        """There is a reading."""
        self._view.failing(self._session, self, False)
        if self._told:
            self._told.clear()
            self._say("again", "readings again")

    def failed(self, error: Exception) -> Gap | None:
        """There is none.

        Returns
        -------
        Gap or None
            None where nothing is wrong: nobody was asked.

        Raises
        ------
        Exception
            `error`, if it is a bug, or was meant for somebody else.
        """
        if isinstance(error, ConnectionError):
            if self._nobody_was_asked(error):
                return None
            self._view.failing(self._session, self, True)
            if not self._view.down_links(self._session):    # a link that is down tells its reason
                self._tell("no reading", f"no reading: {error}")
        elif isinstance(error, self._unreadable):
            self._view.failing(self._session, self, True)
            self._tell("unreadable", f"cannot read what came: {type(error).__name__}: {error}"
                                     f"{self._what_came()}")
        else:
            raise error
        self._view.revise_reasons(self._session)
        return Gap(error)

    def check_data(self) -> None:
        """See to it that clients can be told what the operation has put into its data.

        Raises
        ------
        TypeError
            If that is a mistake in the program.
        """
        found = check_data(self._session)
        if found:
            self._say("data", f"{found}, which OCS cannot send: it is shown as none")

    def end(self) -> None:
        """The loop is over."""
        self._view.failing(self._session, self, False)

    def retry_in(self, error: Exception) -> float:
        """Seconds until a device may be tried again that `error` says is away; 0 for others."""
        if not isinstance(error, ConnectionError):
            return 0.0
        name = (address_name(error.host, error.port)
                if isinstance(error, DeviceConnectionError) and error.host else None)
        return max((device.retry_in() for device in self._view.devices(self._session)
                    if device.link.down and hasattr(device, "retry_in")
                    and name in (None, device.link.name)), default=0.0)

    def _nobody_was_asked(self, error: ConnectionError) -> bool:
        """Did its turn not come, since another call had the device? Then no device failed.

        (Where a device that is down kept it waiting, one did.)
        """
        if not isinstance(error, ReplyTimedOut) or (error.phase, error.sent) != ("send", "no"):
            return False
        name = address_name(error.host, error.port)
        return not any(device.link.down for device in self._view.devices(self._session)
                       if device.link.name == name)

    def _what_came(self) -> str:
        """The last that its devices said, as far as they keep it."""
        links = {device.link.name: getattr(device.link, "last_reply", None)
                 for device in self._view.devices(self._session)}
        return "".join(f"; {name} said {show(reply)}" for name, reply in links.items()
                       if isinstance(reply, bytes))

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._say(kind, text)

    def _say(self, kind: str, text: str) -> None:
        say(self._view.reactor, self._session, ("poll", kind), text)
