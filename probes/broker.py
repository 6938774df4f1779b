"""Asks a broker whether it lets in whom it should, and nobody else: `python broker.py --address HOST:PORT …`.

It stands alone, so that it can run beside the broker (Kubernetes mounts it into a pod) and in a laboratory: Python 3.11
and paho-mqtt 2 are all that it needs. It asks again until everything is as it should be or the time is over. Exits 0
when all is well, 1 when something is missing or wrong (the last line says what), 2 for a wrong call.
"""

import argparse
import contextlib
import math
import queue
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

# An answer that takes longer is none: EMQX itself gives up on a silent client after 15 s.
ANSWER_SECONDS = 10.0
# MQTT 5.0, section 2.4: a reason code of 128 or more is a failure.
FAILURE = 128
KEEP_ALIVE_SECONDS = 30


class NotReady(Exception):
    """Something is missing that may still come; the message says what."""


class Unsafe(Exception):
    """The broker lets in somebody, or takes something, that it must not: no waiting mends that."""


class Refused(Exception):
    """The broker, or its TLS, did not let the client in; the message says why."""


@dataclass(frozen=True)
class Identity:
    """A client certificate with its chain, and its key: PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Login:
    """A user name and its token, for the door for tokens."""

    user: str
    token: str


@dataclass(frozen=True)
class Question:
    """What is asked: where, with which identities, and which topics show that permissions are asked for."""

    door: tuple[str, int]
    """Host and port of the door for certificates."""
    token_door: tuple[str, int]
    """The same of the door for tokens: MQTT over WebSocket."""
    named: str
    """Name that the broker's certificate must have."""
    authorities: Path
    identity: Identity
    stranger: Identity
    may_read: str
    may_not_write: str
    login: Login | None = None
    """A login that the door for tokens must take, where there is one at hand."""


@dataclass
class Session:
    """A session that the broker has accepted; `words` holds its answers, a lost connection among them."""

    client: Client
    words: "queue.Queue[ReasonCode]" = field(default_factory=queue.Queue)

    def word(self) -> ReasonCode:
        """Return the broker's next answer; raises NotReady when none comes."""
        try:
            return self.words.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise NotReady(
                f"the broker accepts a connection and does not answer within {ANSWER_SECONDS:g} s"
            ) from None


def ask(question: Question) -> None:
    """Ask everything once; raises NotReady or Unsafe."""
    _identity_is_let_in_and_reads(question)
    _nobody_is_let_in_without_a_certificate(question)
    _a_stranger_is_not_let_in(question)
    _a_wrong_token_is_not_let_in(question)
    _a_right_token_is_let_in(question)
    # The last, because the broker ends the session of whoever publishes what it may not.
    _what_is_not_allowed_is_refused(question)


def _identity_is_let_in_and_reads(question: Question) -> None:
    try:
        with _session(question, "reads", question.identity) as session:
            session.client.subscribe(question.may_read, options=SubscribeOptions(qos=1))
            word = session.word()
    except Refused as refusal:
        raise NotReady(f"the test identity is not let in: {refusal}") from None
    if word.value >= FAILURE:
        raise NotReady(
            f"the test identity may not read {question.may_read} ({word}): the policy server does not answer, or "
            "its rules do not let a service read"
        )


def _nobody_is_let_in_without_a_certificate(question: Question) -> None:
    with contextlib.suppress(Refused), _session(question, "nobody", None):
        raise Unsafe("the broker lets in a client without a certificate")


def _a_stranger_is_not_let_in(question: Question) -> None:
    with contextlib.suppress(Refused), _session(question, "stranger", question.stranger):
        raise Unsafe("the broker lets in a certificate of an authority that is not the site's")


def _a_wrong_token_is_not_let_in(question: Question) -> None:
    """Refused is the only good answer; that EMQX has the realm's keys only a right token shows.

    While EMQX starts it lets in whoever comes, for some seconds. That ends by itself; but nobody may read then.
    """
    with (
        contextlib.suppress(Refused),
        _session(question, "wrong-token", Login("readiness", "no token")) as session,
    ):
        session.client.subscribe(question.may_read, options=SubscribeOptions(qos=1))
        if session.word().value < FAILURE:
            raise Unsafe("the broker lets in a client with a wrong token, and lets it read")
        raise NotReady(
            "a client with a wrong token is let in, and may do nothing: the broker has not loaded its authentication "
            "yet"
        )


def _a_right_token_is_let_in(question: Question) -> None:
    if question.login is None:
        return
    try:
        with _session(question, "token", question.login):
            return
    except Refused as refusal:
        raise NotReady(
            f"the token of {question.login.user} is not taken: {refusal}; the broker has not loaded its authentication "
            "yet, or cannot reach the realm's keys, or the token is not for it"
        ) from None


def _what_is_not_allowed_is_refused(question: Question) -> None:
    try:
        with _session(question, "writes", question.identity) as session:
            session.client.publish(question.may_not_write, b"readiness", qos=1)
            word = session.word()
    except Refused as refusal:
        raise NotReady(f"the test identity is not let in a second time: {refusal}") from None
    if word.value < FAILURE:
        raise Unsafe(
            f"the broker takes a message to {question.may_not_write} from a client that may not write there"
        )


@contextlib.contextmanager
def _session(question: Question, name: str, identity: Identity | Login | None) -> Iterator[Session]:
    """Give an accepted session, and close it; raises Refused, and NotReady when nobody listens."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        f"readiness-{name}",
        protocol=MQTTProtocolVersion.MQTTv5,
        transport="websockets" if isinstance(identity, Login) else "tcp",
        reconnect_on_failure=False,
    )
    host, port = question.door
    if isinstance(identity, Login):
        host, port = question.token_door
        client.ws_set_options(path="/mqtt")
        client.username_pw_set(identity.user, identity.token)
    client.tls_set_context(_context(question, identity if isinstance(identity, Identity) else None))
    session, accepted = Session(client), queue.Queue[str]()

    def connected(
        _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        accepted.put("" if reason.value < FAILURE else str(reason))

    def ended(
        _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        # Whoever still waits, to be let in or for an answer, is told.
        accepted.put(f"the connection was ended ({reason})")
        session.words.put(reason)

    client.on_connect = connected
    client.on_disconnect = ended
    client.on_subscribe = lambda _c, _d, _m, reasons, _p: session.words.put(reasons[0])
    client.on_publish = lambda _c, _d, _m, reason, _p: session.words.put(reason)
    try:
        client.connect(host, port, keepalive=KEEP_ALIVE_SECONDS)
    except ssl.SSLCertVerificationError as error:
        raise NotReady(f"the broker's own certificate is not believed: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise Refused(error.reason or str(error)) from None
    except ConnectionResetError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise NotReady(f"nothing answers at {host}:{port}: {error}") from None
    client.loop_start()
    try:
        try:
            refusal = accepted.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise NotReady(f"the broker does not answer within {ANSWER_SECONDS:g} s") from None
        if refusal:
            raise Refused(refusal)
        yield session
    finally:
        client.disconnect()
        client.loop_stop()


class _Named(ssl.SSLContext):
    """Checks the server's certificate for a name that need not be the one that was connected to."""

    name = ""

    def wrap_socket(self, *positional: Any, **named: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*positional, **{**named, "server_hostname": self.name})


def _context(question: Question, identity: Identity | None) -> ssl.SSLContext:
    try:
        context = _Named(ssl.PROTOCOL_TLS_CLIENT)
        context.name = question.named
        context.load_verify_locations(cafile=str(question.authorities))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
    except (OSError, ssl.SSLError) as error:
        raise NotReady(f"a certificate cannot be read: {error}") from None
    return context


def wait(
    question: Question,
    within: float,
    pause: float,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> float:
    """Ask until all is well, and return the seconds that it took; raises NotReady when the time is over, and Unsafe.

    `within` and `pause` are seconds; `say` is told each condition that is missing, once while it stays the same.
    """
    began, told = now(), ""
    while True:
        try:
            ask(question)
        except NotReady as missing:
            if now() - began + pause > within:
                raise NotReady(f"not ready within {within:g} s: {missing}") from None
            if str(missing) != told:
                told = str(missing)
                say(f"waiting: {told}")
            time.sleep(pause)
        else:
            return now() - began


def _question(arguments: argparse.Namespace) -> Question:
    return Question(
        arguments.address,
        arguments.token_address,
        arguments.server_name or arguments.address[0],
        arguments.authorities,
        Identity(arguments.identity / "tls.crt", arguments.identity / "tls.key"),
        Identity(arguments.stranger / "tls.crt", arguments.stranger / "tls.key"),
        arguments.may_read,
        arguments.may_not_write,
        Login(arguments.token_user, arguments.token_file) if arguments.token_file else None,
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host, int(port)


def _content(text: str) -> str:
    try:
        return Path(text).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read as a token") from None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def main() -> int:
    """Ask as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--address", type=_address, required=True, help="HOST:PORT of the broker's door for certificates"
    )
    parser.add_argument(
        "--token-address", type=_address, required=True, help="the same of its door for tokens (WebSocket)"
    )
    parser.add_argument("--token-user", help="user name of a token that must be taken, where one is at hand")
    parser.add_argument("--token-file", type=_content, help="file with that token")
    parser.add_argument("--server-name", help="name that the certificate must have, where it is not HOST")
    parser.add_argument("--authorities", type=Path, required=True, help="PEM file of the site's authorities")
    parser.add_argument(
        "--identity", type=Path, required=True, help="folder with tls.crt and tls.key to come in with"
    )
    parser.add_argument(
        "--stranger", type=Path, required=True, help="the same, of an authority that is not the site's"
    )
    parser.add_argument("--may-read", required=True, help="topic that the identity may subscribe to")
    parser.add_argument("--may-not-write", required=True, help="topic that it may not publish to")
    parser.add_argument("--within", type=_seconds, required=True, help="seconds to wait at most")
    parser.add_argument("--pause", type=_seconds, default=5.0, help="seconds between two attempts")
    arguments = parser.parse_args()
    if (arguments.token_user is None) != (arguments.token_file is None):
        parser.error("--token-user and --token-file go together")

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    try:
        seconds = wait(_question(arguments), arguments.within, arguments.pause, say)
    except Unsafe as wrong:
        say(f"unsafe: {wrong}")
        return 1
    except NotReady as missing:
        say(str(missing))
        return 1
    say(f"ready after {seconds:.1f} s: the site's own identity comes in and reads, and nobody else does")
    return 0


if __name__ == "__main__":
    sys.exit(main())
