"""The console on a terminal: what comes is shown when it comes, also while somebody types.

`DeviceClient` does the talking, on a reactor that shares its loop with prompt_toolkit.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.keys import Keys
from prompt_toolkit.patch_stdout import patch_stdout
from twisted.internet import asyncioreactor
from twisted.logger import globalLogBeginner

from ..core.errors import DeviceConnectionError, ReplyTimedOut
from ..core.link import Link
from ..core.states import LinkChange, LinkState
from ..deferred.client import DeviceClient
from .arguments import escaped
from .colon_commands import HELP, command_of, link_line, misdirected
from .completion import Beginnings, commands_in, open_history
from .device import no_log, ways
from .exits import GOOD, INTERRUPTED, NO_CONNECTION, TERMINATED, UsageError
from .framing import described, hint, make_framer
from .replies import Whole
from .show import Style, complain, hex_view, printable
from .transcript import Transcript

#: Seconds between two looks at what came and is not shown, and between two attempts to connect
#: while somebody waits for the device.
LOOK = 0.5
RETRY = 1.0
COMMANDS = [":help", ":hex", ":link", ":quit", ":save ", ":send "]


def run(options: argparse.Namespace) -> int:
    """Talk until Ctrl-D; the exit code."""
    no_log()
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)      # nor what Twisted says
    framer = Whole(make_framer(options))
    words = commands_in(described(options.description)) if options.description else []
    loop = asyncio.new_event_loop()
    asyncioreactor.install(loop)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    codes: list[int] = []
    errors: list[BaseException] = []

    async def talk() -> None:
        try:
            codes.append(await Terminal(options, framer, words, loop).run())
        except BaseException as exc:
            errors.append(exc)
        finally:
            reactor.callLater(0, reactor.stop)

    def begin() -> None:
        task = loop.create_task(talk())
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    if errors and not isinstance(errors[0], asyncio.CancelledError):
        raise errors[0]
    return codes[0] if codes else TERMINATED


class Terminal:
    """One person and one device."""

    def __init__(self, options: argparse.Namespace, framer: Whole, words: list[str],
                 loop: asyncio.AbstractEventLoop) -> None:
        self._options = options
        self._framer = framer
        self._loop = loop
        self._style = Style()
        self._transcript = Transcript()
        self._hex = False
        self._talking = self._asking = False
        #: Ctrl-D was pressed while nobody could type; something else was.
        self._ended = self._typed_ahead = False
        self._advised: set[str] = set()
        history = open_history("history")
        self._session: PromptSession[str] = PromptSession(
            "> ", history=history, completer=Beginnings([*words, *COMMANDS], history),
            complete_while_typing=False, enable_history_search=False)
        host, port = options.device
        self._client = DeviceClient(host, port, None, framer=framer,
                                    on_unasked=self._unasked, **ways(options))
        self._client.link.observe(self._changed)

    async def run(self) -> int:
        """Until the end; the exit code."""
        with self._session.input.raw_mode():    # whenever a key is pressed, it is ours
            return await self._run()

    async def _run(self) -> int:
        looking = None
        try:
            code = await self._first_connection()
            if code != GOOD:
                return code
            with patch_stdout(raw=True), self._transcript:
                self._talking = True
                looking = self._loop.create_task(self._look())
                self._tell(f"{self._client.link.name} is connected; :help lists the commands")
                await self._talk()
            return GOOD
        finally:
            self._talking = False
            if looking is not None:
                looking.cancel()
            await self._client.close().asFuture(self._loop)

    async def _talk(self) -> None:
        while True:
            self._typed_ahead = False
            try:
                line = await self._session.prompt_async(handle_sigint=False)
            except KeyboardInterrupt:
                continue        # the line is cancelled, and nothing else
            except EOFError:
                return
            if line.strip() == ":quit":
                return
            await self._do(line)
            if self._ended:
                return

    # the connection

    async def _first_connection(self) -> int:
        """Wait until the device is there, as long as was asked for."""
        link, told = self._client.link, False
        connected = self._client.when_connected().asFuture(self._loop)
        while not connected.done():
            await self._unless_cancelled(connected, RETRY if told else LOOK / 10)
            if connected.done() or not link.down:
                continue
            if not self._options.wait:
                connected.cancel()
                complain(f"{link.name}: {link.reason}")
                return NO_CONNECTION
            if not told:
                print(self._style("faint", f"{link.name}: {link.reason}; waiting for it "
                                  "(Ctrl-C to stop)"), flush=True)
                told = True
            self._client.reconnect()
        if connected.cancelled():
            return NO_CONNECTION if self._ended else INTERRUPTED
        return GOOD

    def _changed(self, link: Link, change: LinkChange) -> None:
        """Tell what becomes of the connection; what becomes of a command is told as its error."""
        if not self._talking:
            return
        if change.new is LinkState.PROVING:
            self._tell("connected again", "good")
        elif change.new is LinkState.DOWN and change.old is not change.new and not self._asking:
            self._tell(f"{change.reason}; trying again", "bad")

    # what comes by itself

    def _unasked(self, data: bytes) -> None:
        self._show(self._framer.reply(data).text, data, "unasked: ")

    async def _look(self) -> None:
        """Show, now and then, what came by itself and has no end that is known here."""
        while True:
            before = self._framer.unfinished
            await asyncio.sleep(LOOK)
            came = self._framer.unfinished
            if came and came == before and not self._asking:
                self._framer.unfinished = b""
                self._show(came, came, "unfinished: ")
                self._advise(hint(self._framer.framer, came))

    # what is typed

    async def _do(self, line: str) -> None:
        try:
            await self._act(*command_of(line))
        except (UsageError, argparse.ArgumentTypeError) as exc:
            self._tell(str(exc), "bad")
        except DeviceConnectionError as exc:
            self._tell(str(exc), "bad")
            if isinstance(exc, ReplyTimedOut):
                self._advise(hint(self._framer.framer, self._framer.unfinished))
            self._framer.unfinished = b""

    async def _act(self, name: str, rest: str) -> None:
        if name == "hex":
            self._hex = not self._hex
            self._tell(f"hexadecimal {'on' if self._hex else 'off'}")
        elif name == "help":
            print(HELP, end="", flush=True)
        elif name == "link":
            self._tell(link_line(self._client.link))
        elif name == "save":
            self._transcript.save(Path(rest.strip()))
            self._tell(f"saved to {rest.strip()}, what follows is added to it")
        elif name in ("send", ""):
            data = escaped(rest, self._options.encoding or "utf-8")
            self._transcript.add(">", rest)
            self._advise("" if name else misdirected(rest))
            await self._exchange(data, asks=not name)

    async def _exchange(self, data: bytes, *, asks: bool) -> None:
        """Send a command and show its reply; Ctrl-C ends the wait for it, Ctrl-D all."""
        self._asking = True
        self._framer.begin()
        talk: Any = self._client.query if asks else self._client.send
        future = talk(data, self._options.timeout).asFuture(self._loop)
        try:
            if not await self._unless_cancelled(future):
                if not self._ended:
                    self._tell("cancelled; if the reply still comes, it answers nothing else")
                return
        finally:
            self._asking = False
        reply = future.result()
        if asks:
            self._show(self._framer.reply(reply).text, reply)

    async def _unless_cancelled(self, future: asyncio.Future[Any],
                                timeout: float | None = None) -> bool:
        """Wait for `future`, for so many seconds; False where Ctrl-C or Ctrl-D cancelled it.

        What else is typed meanwhile is for the next line; in a line, Ctrl-D is no end.
        """
        keys = self._session.input

        def typed() -> None:
            for press in keys.read_keys():
                if press.key == Keys.ControlC:
                    future.cancel()
                elif press.key == Keys.ControlD and not self._typed_ahead:
                    self._ended = True
                    future.cancel()
                elif press.key != Keys.CPRResponse:     # (which the terminal has typed)
                    self._typed_ahead = True
                    store_typeahead(keys, [press])
            if keys.closed:
                self._ended = True
                future.cancel()
        self._loop.add_signal_handler(signal.SIGINT, future.cancel)
        with keys.attach(typed):
            await asyncio.wait([future], timeout=timeout)
        self._loop.add_signal_handler(signal.SIGINT, int)   # nothing else is to be cancelled
        return not future.cancelled()

    # what is shown

    def _show(self, text: bytes, data: bytes, what: str = "") -> None:
        shown = printable(text, self._options.encoding)
        self._transcript.add("<", f"{what}{shown}")
        print(f"{self._style('faint', what)}{shown}", flush=True)
        if self._hex:
            print(self._style("faint", hex_view(data)), flush=True)

    def _tell(self, text: str, kind: str = "faint") -> None:
        self._transcript.add("!", text)
        print(self._style(kind, text), flush=True)

    def _advise(self, advice: str) -> None:
        if advice and advice not in self._advised:
            self._advised.add(advice)
            self._tell(advice)
