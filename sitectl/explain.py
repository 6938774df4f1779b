"""`sitectl explain SITE [KEY]`: each value of a site, the file and line that set it, and what it overrode."""

import sys
from collections.abc import Collection, Mapping

import click

MOST_MEANT = 3


@click.command("explain")
@click.argument("site")
@click.argument("key", default="")
@click.option("--json", "as_json", is_flag=True, help="Print the settings as JSON.")
def command(site: str, key: str, as_json: bool) -> None:
    """Explain KEY of SITE (such as `broker.replicas` or `streams.topics.raw`), or the whole site."""
    from model import Stacks
    from model.derived import derived
    from model.provenance import explain, keys
    from model.words import quoted
    from sitectl import output, problems
    from sitectl.root import program_root

    layers = Stacks(program_root() / "stacks").layers(site)
    if layers.tree is None:
        problems.refuse_data(layers.errors)
    found = explain(layers.tree, key)
    follows = {} if layers.site is None else _below(key, derived(layers.site))
    meaning = None if found or follows else _meaning(key, keys(layers.tree))
    if not found and not follows and meaning is None:
        problems.refuse(
            f"{site} has no key {quoted(key)}; {_meant(key, keys(layers.tree), layers.tree.entries)}"
        )
    if as_json:
        output.write_json(
            [
                {
                    "key": entry.key,
                    "value": entry.value,
                    "removed": entry.removed,
                    "file": str(problems.short(entry.origin.file)),
                    "line": entry.origin.line,
                    "overrode": [
                        {
                            "value": lower.value,
                            "file": str(problems.short(lower.origin.file)),
                            "line": lower.origin.line,
                        }
                        for lower in entry.overrode
                    ],
                }
                for entry in found
            ]
            + [
                {"key": name, "value": value, "removed": False, "file": None, "line": None, "overrode": []}
                for name, value in follows.items()
            ]
        )
    elif meaning is not None:
        click.echo(f"nothing sets {quoted(key)} of {site}. It would be: {meaning}")
    else:
        rows = [
            (
                entry.key,
                "(removed)" if entry.removed else _short(entry.value),
                f"{problems.short(entry.origin.file)}:{entry.origin.line}",
                ", ".join(
                    f"{_short(lower.value)} ({problems.short(lower.origin.file)}:{lower.origin.line})"
                    for lower in entry.overrode
                ),
            )
            for entry in found
        ]
        rows += [(name, value, "derived from broker.load", "") for name, value in follows.items()]
        output.write_table(("key", "value", "set in", "overrode"), rows)
    if layers.errors:
        problems.show(f"\n{problems.worded(layers.errors)}")
        sys.exit(1)


def _meaning(key: str, known: Collection[str]) -> str | None:
    """Say what a key is that nothing sets; None when there is no such key. The schema is made for this alone."""
    from model.schema import description

    return description(key, known)


def _meant(key: str, known: Collection[str], first: Collection[str]) -> str:
    """Say which key was probably meant: one that ends so, the nearest in letters, or those beside it."""
    from difflib import get_close_matches

    from model.schema import paths
    from model.words import did_you_mean, listed

    every = dict.fromkeys((*known, *paths()))
    if ends := [name for name in every if name.endswith(f".{key}")]:
        return f"did you mean {listed(ends[:MOST_MEANT])}?"
    last = {name.rpartition(".")[2]: name for name in reversed(every)}
    if "." not in key and not get_close_matches(key, first) and (near := get_close_matches(key, last, n=1)):
        return f"did you mean {listed([last[near[0]]])}?"
    if "." in key and (near := get_close_matches(key, every, n=1)):
        return f"did you mean {listed(near)}?"
    above = key
    while above and above not in every:
        above = above.rpartition(".")[0]
    beside = [name for name in every if name.rpartition(".")[0] == above] if above else first
    return did_you_mean(key, beside or first)


def _below(key: str, derived: Mapping[str, object]) -> dict[str, str]:
    """Return the derived values at a key and below it, as they would be written."""
    return {
        name: str(value) for name, value in derived.items() if not key or f"{name}.".startswith(f"{key}.")
    }


def _short(value: object) -> str:
    """Write a value as YAML would on one line."""
    from model.words import printable

    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return f"[{', '.join(_short(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_short(item)}' for key, item in value.items())}}}"
    return printable(str(value))
