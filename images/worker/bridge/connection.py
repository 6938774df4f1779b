"""Keeps a connection to one broker: opens it beside the loop, greets, begins again after an end, renews an identity."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from images.worker.bridge import credentials
from images.worker.bridge.line import Ears, Line
from images.worker.bridge.settings import End
from images.worker.connection import client_context
from images.worker.logs import say, say_seldom

OPEN_SECONDS, GREET_SECONDS = 10.0, 15.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
STEADY_SECONDS = 1.0
"""A connection that lasted so long is no failed attempt: the next pause is the first again."""
LOOK_SECONDS = 5.0
"""How often the files of an identity are looked at."""
DRAIN_SECONDS = 10.0
"""How long a renewal waits until nothing is in flight."""


class State(Enum):
    """Where a connection is between nothing and its use."""

    AWAY = "away"
    OPENING = "opening"
    GREETING = "greeting"
    UP = "up"


@dataclass(frozen=True)
class Greeting:
    """What a broker said when it let the bridge in; None where it set no bound."""

    session_present: bool
    receive_maximum: int | None = None
    largest_packet: int | None = None
    highest_qos: int = 2
    retains: bool = True


@dataclass(frozen=True)
class Ending:
    """Why a connection ended: in words, and the reason code where the broker sent DISCONNECT (MQTT 5)."""

    why: str
    code: int | None = None


class Owner(Ears, Protocol):
    """Who is in charge of a connection."""

    def up(self, line: Line, greeting: Greeting) -> None:
        """Hear that the broker let the bridge in."""

    def down(self, ending: Ending) -> None:
        """Hear that a connection in use ended."""

    def subscribed(self, number: int, reasons: list[int]) -> None:
        """Hear SUBACK."""


class Connection:
    """The connection to one end; used by one thread, but for the opening of sockets."""

    def __init__(
        self,
        end: End,
        owner: Owner,
        *,
        clean: bool,
        window: int,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.end, self._owner, self._clean, self._window = end, owner, clean, window
        self._wake, self._clock = wake, clock
        self.state = State.AWAY
        self.line: Line | None = None
        self._pause, self._next = FIRST_PAUSE, 0.0
        self._since = self._looked = 0.0
        self._fingerprint = b""
        self._opened: list[tuple[socket.socket, str | None] | Exception] = []
        self._ending = Ending("the connection ended")
        self._renewal: float | None = None

    @property
    def is_up(self) -> bool:
        """Return whether the broker let the bridge in, and the connection lasts."""
        return self.state is State.UP

    @property
    def renews(self) -> bool:
        """Return whether the connection is to end for a new identity as soon as nothing is in flight."""
        return self._renewal is not None

    def tick(self, now: float, *, in_flight: int = 0, is_read: bool = True) -> None:
        """Do what is due by time; what came from the socket is `read`'s."""
        if self.state is State.AWAY and now >= self._next:
            self._open(now)
        elif self.state is State.OPENING and self._opened:
            self._greet(now, self._opened.pop())
        elif self.state is State.GREETING and now - self._since > GREET_SECONDS:
            self._end(now, Ending("no answer to CONNECT"))
        elif self.state is State.UP:
            self._look(now, in_flight)
        if self.line is not None and is_read:
            self.line.loop_misc()
        self.notice(now)

    def read(self, now: float) -> None:
        """Take what the socket has."""
        if self.line is not None:
            self.line.read()
        self.notice(now)

    def write(self, now: float) -> None:
        """Give the socket what there is to write, as far as it takes it."""
        if self.line is not None and self.line.want_write():
            self.line.loop_write()
        self.notice(now)

    def notice(self, now: float) -> None:
        """Notice what paho found: that the connection is no more."""
        if self.line is not None and self.line.socket() is None:
            self._end(now, self._ending)

    def leave(self, now: float, why: str) -> None:
        """End the connection in order, so that what was written is read; a session that lasts is kept."""
        line = self.line
        if line is not None and line.socket() is not None:
            line.disconnect()
            for _ in range(100):
                if line.socket() is None or not line.want_write():
                    break
                line.loop_write()
        self._end(now, Ending(why), pause=0.0)

    def _open(self, now: float) -> None:
        self.state, self._since = State.OPENING, now
        self._opened.clear()
        self._fingerprint = credentials.fingerprint(self.end.files)
        threading.Thread(target=self._opening, name=f"opening-{self.end.name}", daemon=True).start()

    def _opening(self) -> None:
        end = self.end
        try:
            context, password = client_context(end.identity), credentials.password(end)
            opened = socket.create_connection((end.host, end.port), timeout=OPEN_SECONDS)
            try:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if context is not None:
                    opened = context.wrap_socket(opened, server_hostname=end.server_name)
            except BaseException:
                opened.close()
                raise
        except (OSError, ValueError) as error:
            self._opened.append(error)
        else:
            self._opened.append((opened, password))
        self._wake()

    def _greet(self, now: float, found: tuple[socket.socket, str | None] | Exception) -> None:
        if isinstance(found, Exception):
            self._end(now, Ending(f"cannot connect: {found}"))
            return
        opened, password = found
        self._ending = Ending("the connection ended")
        self.line = line = Line(
            opened, self.end, password, self._owner, clean=self._clean, window=self._window
        )
        line.on_connect = self._let_in
        line.on_disconnect = self._ended
        line.on_subscribe = lambda _client, _data, number, reasons, _properties: self._owner.subscribed(
            number, [reason.value for reason in reasons]
        )
        self.state, self._since = State.GREETING, now
        line.loop_write()

    def _let_in(
        self, _client: Any, _data: Any, flags: ConnectFlags, reason: ReasonCode, said: Properties | None
    ) -> None:
        if reason.is_failure:
            self._ending = Ending(f"not let in: {reason}", reason.value)
            return
        assert self.line is not None  # noqa: S101 - it is the one that calls
        self.state, self._since = State.UP, self._clock()
        say("connected", end=self.end.name, session_present=flags.session_present)
        # At once: in the next bytes there may be messages already, which belong to this session.
        self._owner.up(
            self.line,
            Greeting(
                flags.session_present,
                getattr(said, "ReceiveMaximum", None),
                getattr(said, "MaximumPacketSize", None),
                getattr(said, "MaximumQoS", 2),
                bool(getattr(said, "RetainAvailable", 1)),
            ),
        )

    def _ended(
        self, _client: Any, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _said: Properties | None
    ) -> None:
        if self._ending.code is None:
            code = reason.value if flags.is_disconnect_packet_from_server else None
            self._ending = Ending(str(reason), code)

    def _look(self, now: float, in_flight: int) -> None:
        if self._renewal is not None:
            if not in_flight or now - self._renewal > DRAIN_SECONDS:
                say("renewed", end=self.end.name)
                self.leave(now, "a new identity")
        elif now - self._looked > LOOK_SECONDS:
            self._looked = now
            if credentials.fingerprint(self.end.files) != self._fingerprint and self._usable():
                self._renewal = now

    def _usable(self) -> bool:
        """Return whether the files make an identity; a certificate may be written before its key."""
        try:
            client_context(self.end.identity)
            credentials.password(self.end)
        except (OSError, ValueError) as error:
            say_seldom("identity", self.end.name, error=str(error))
            return False
        return True

    def _end(self, now: float, ending: Ending, pause: float | None = None) -> None:
        line, was_up = self.line, self.is_up
        lasted = now - self._since if was_up else 0.0
        self.line, self.state, self._renewal = None, State.AWAY, None
        if line is not None and (left := line.socket()) is not None:
            left.close()
        self._pause = FIRST_PAUSE if lasted > STEADY_SECONDS else min(LONGEST_PAUSE, self._pause * 2)
        self._next = now + (self._pause if pause is None else pause)
        say_seldom("disconnected", f"{self.end.name} {ending.why}", seconds=round(lasted, 1))
        if was_up:
            self._owner.down(ending)
