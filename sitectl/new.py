"""`sitectl new SITE`: writes a valid, commented site file from answers or flags."""

import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sitectl.entry import INTERRUPTED
from sitectl.new_questions import KIND, QUESTIONS, SITE, Question

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from model.errors import SiteError
    from sitectl.new_questions import Answers, Trial


def _flags(command: Callable[..., None]) -> Callable[..., None]:
    for question in reversed(QUESTIONS):
        shown = f"{question.text}, like {question.example!r}{'; repeatable' if question.many else ''}."
        command = click.option(question.flag, multiple=question.many, help=shown)(command)
    return command


@click.command("new")
@click.argument("site", required=False)
@click.option("--started", help="Day on which the pilot begins; today when left out.")
@_flags
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON; asks nothing.")
def command(site: str | None, started: str | None, as_json: bool, **answers: Any) -> None:
    """Write stacks/sites/SITE.yaml.

    On a terminal it asks what no flag says, and checks each answer when it is given. Elsewhere no flag may be missing.
    """
    from datetime import date

    from sitectl import output, problems
    from sitectl.new_file import approvals, text
    from sitectl.new_questions import Trial
    from sitectl.root import program_root

    stacks = program_root() / "stacks"
    asks = sys.stdin.isatty() and not as_json
    given: Answers = {name: value for name, value in answers.items() if value}
    given |= {"started": started or date.today().isoformat()}
    name = _named(stacks, site, asks=asks)
    with Trial(stacks, name) as trial:
        if asks:
            _ask(trial, given, started)
        else:
            _refuse_missing(trial, given)
        found = trial.site(given)
        if isinstance(found, tuple):
            _refuse(found, trial, given, started, asks=asks)
        content = text(trial.filled(given) | approvals(found))
    file = stacks / "sites" / f"{name}.yaml"
    _write(file, content)
    if as_json:
        output.write_json({"site": name, "file": str(problems.short(file))})
        return
    click.echo(f"wrote {problems.short(file)}")
    click.echo(f"Next: look it through, then `sitectl validate {name}` and `sitectl explain {name}`.")


def _named(stacks: "Path", site: str | None, *, asks: bool) -> str:
    """Return the name of the new site: as given, or asked for until it is one that no site has."""
    from sitectl import problems

    if site is None and not asks:
        raise click.UsageError("name the new site, like `sitectl new bakken`")
    while True:
        name = site if site is not None else _answer(SITE)
        wrong = _misnamed(stacks, name)
        if wrong is None:
            return name
        if not asks:
            problems.refuse(wrong)
        problems.show(wrong)
        site = None


def _misnamed(stacks: "Path", name: str) -> str | None:
    from pydantic import TypeAdapter, ValidationError

    from model.base import PATTERN_MEANINGS, Label
    from model.words import quoted
    from sitectl import problems

    try:
        TypeAdapter(Label).validate_python(name)
    except ValidationError:
        meaning = next(iter(PATTERN_MEANINGS.values()))
        return f"{quoted(name)} cannot be the name of a site\n    write {meaning}, 40 characters at most"
    file = stacks / "sites" / f"{name}.yaml"
    if file.exists():
        return (
            f"{problems.short(file)} exists already; nothing was touched\n    edit it, or choose another name"
        )
    return None


def _ask(trial: "Trial", given: "Answers", started: str | None) -> None:
    """Ask for what no flag gave, and again for what is wrong; an interrupt shows how to continue with the answers."""
    try:
        for question in QUESTIONS:
            _ask_one(trial, question, given)
        # What one answer makes wrong of another: the assets that a pilot names, say.
        while wrong := [question for question in QUESTIONS if trial.mistakes(question, given)]:
            _ask_one(trial, wrong[0], given)
    except (click.Abort, KeyboardInterrupt):
        from sitectl import problems

        words = f"\nstopped; nothing was written\n    continue with: {_so_far(trial.name, given, started)}"
        sys.exit(problems.failed(words, INTERRUPTED, as_json=False))


def _ask_one(trial: "Trial", question: Question, given: "Answers") -> None:
    from sitectl import problems

    while True:
        if question.parameter in given:
            wrong = trial.mistakes(question, given)
            if not wrong:
                return
            problems.show("\n".join(f"{error.problem}\n    {error.remedy}" for error in wrong))
            del given[question.parameter]
        answer = _answer(question)
        if not answer:
            return
        parts = tuple(part.strip() for part in answer.split(";") if part.strip())
        given[question.parameter] = parts if question.many else answer


def _answer(question: Question) -> str:
    hint = f"like {question.example!r}{'; more with ;' if question.many else ''}"
    if question == KIND:
        hint = f"one of {', '.join(question.choices)}"
    if not question.needed:
        return str(
            click.prompt(f"{question.text} ({hint}; empty to leave it out)", default="", show_default=False)
        )
    return str(click.prompt(f"{question.text} ({hint})")).strip()


def _refuse_missing(trial: "Trial", given: "Answers") -> None:
    """Name every missing flag at once, and what is wrong with those that are there."""
    from sitectl import problems

    missing = [question for question in QUESTIONS if question.needed and question.parameter not in given]
    if not missing:
        return
    lines = ["there is no terminal to ask on; these flags are missing:"]
    for question in missing:
        hint = ", ".join(question.choices) or f"like {question.example!r}"
        lines.append(f"  {question.flag}  {question.text}, {hint}")
    found = [error for question in QUESTIONS for error in trial.mistakes(question, given)]
    lines += [line for error in found for line in (f"{error.key}: {error.problem}", f"    {error.remedy}")]
    problems.refuse("\n".join(lines), found)


def _refuse(
    found: "Iterable[SiteError]", trial: "Trial", given: "Answers", started: str | None, *, asks: bool
) -> NoReturn:
    from sitectl import problems

    mistakes = tuple(found)
    words = problems.worded(mistakes).replace("nothing was touched", "nothing was written")
    if asks:
        words += f"\n    your answers as a command: {_so_far(trial.name, given, started)}"
    problems.refuse(words, mistakes)


def _so_far(name: str, given: "Answers", started: str | None) -> str:
    """Return the command that has all that was answered: no answer is lost."""
    words = ["sitectl", "new", name, *(("--started", started) if started else ())]
    for question in QUESTIONS:
        value = given.get(question.parameter, ())
        for one in (value,) if isinstance(value, str) else value:
            words += [question.flag, one]
    return shlex.join(words)


def _write(file: "Path", text: str) -> None:
    """Write the file whole or not at all, and never over another one."""
    from sitectl import problems
    from sitectl.change import put

    try:
        put(file, text, new=True)
    except FileExistsError:
        problems.refuse(f"{problems.short(file)} exists already; nothing was touched")
