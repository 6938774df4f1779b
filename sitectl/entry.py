"""How `sitectl` begins and ends: an interrupt, a full disk or a closed pipe gets a line of words, never a traceback."""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the signal's number."""
PIPE_CLOSED = 141
"""Exit code when what reads the output has ended, likewise."""
FAULT = 70
"""Exit code of a fault of the kit itself (`EX_SOFTWARE` of sysexits.h)."""


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    # Until the verbs are there an interrupt simply ends the process: Python would show where it was.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _open_what_is_closed()
    arguments = sys.argv[1:]
    try:
        code = run(arguments)
        signal.signal(signal.SIGINT, _end)
    except KeyboardInterrupt:
        # It came while the words about something else were written.
        code = _stopped(arguments)
    code = _flushed(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run `sitectl` with arguments; return its exit code. A failure is worded, as JSON where `--json` asks for it."""
    import click

    from sitectl import problems
    from sitectl.main import main as verbs

    as_json = "--json" in arguments
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        answer = verbs.main(args=list(arguments), prog_name="sitectl", standalone_mode=False)
    except SystemExit as ended:
        return _code(ended.code)
    except click.Abort:
        return _stopped(arguments)
    except click.ClickException as wrong:
        if not as_json:
            wrong.show()
            return wrong.exit_code
        return problems.failed(wrong.format_message(), wrong.exit_code, as_json=True)
    except BrokenPipeError:
        return PIPE_CLOSED
    except OSError as error:
        return problems.failed(problems.worded_os(error), 1, as_json=as_json)
    except Exception as error:  # the last resort: what is left is a fault of the kit
        if os.environ.get("SITECTL_TRACEBACK"):
            raise
        words = (
            f"a fault of the kit: {type(error).__name__}: {error}\n"
            "    report it, with what SITECTL_TRACEBACK=1 shows of it; nothing more was done"
        )
        return problems.failed(words, FAULT, as_json=as_json)
    # With `standalone_mode` off click returns the code of `--help` and its like.
    return answer if isinstance(answer, int) else 0


def _stopped(arguments: Sequence[str]) -> int:
    """Say that the command was interrupted; Ctrl-C a second time ends it without words."""
    from sitectl import problems

    signal.signal(signal.SIGINT, _end)
    return problems.failed("stopped by Ctrl-C", INTERRUPTED, as_json="--json" in arguments)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """End at once: the default action, set while a signal is on its way, makes Python show an error of its own."""
    os._exit(INTERRUPTED)


def _code(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else 1


def _open_what_is_closed() -> None:
    """Give closed standard streams a place: the next file that is opened would take their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


def _flushed(code: int) -> int:
    """Write what is still held back; return another code where that cannot be done."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = PIPE_CLOSED
    except OSError as error:
        sys.stderr.write(f"standard output: {(error.strerror or 'cannot be written').lower()}\n")
        code = 1
    else:
        return code
    # Python flushes once more when it ends, and would show what it could not write.
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
