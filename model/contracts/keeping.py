"""Whether the contracts' files are right, and whether a site keeps its end of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from model.contracts.forms import FORMS, Contract, EdgeFlow, Message, OtMirror, TimeSeries
from model.datafile import DataFile, read_file
from model.errors import SiteError, SiteErrors
from model.record_size import maximum_message
from model.sinks import ROW, ROW_KEY
from model.site import Site
from model.words import did_you_mean, listed, quoted

Contracts: TypeAlias = dict[str, DataFile[Contract]]
# Who is at the other end.
_CLIENTS = {"ot-mirror": "mirror", "edge-flow": "gateway"}


def folder_of(stacks: Path) -> Path:
    """Return the folder of the contracts."""
    return stacks / "contracts"


def read_contracts(stacks: Path) -> Contracts:
    """Read every contract, by name; one that is not there has that as its mistake. Never raises."""
    return {name: _read(folder_of(stacks) / f"{name}.yaml", form) for name, form in FORMS.items()}


def shared_mistakes(stacks: Path, read: Contracts) -> Iterator[SiteError]:
    """Yield what is wrong with the contracts by themselves, and what in their folder is none."""
    for entry in read.values():
        yield from entry.errors
        yield from _version_mistakes(entry)
    for file in sorted(folder_of(stacks).glob("*")):
        if not file.name.startswith(".") and (file.suffix != ".yaml" or file.stem not in FORMS):
            yield SiteError(file, None, "", "is no contract", did_you_mean(file.stem, FORMS))


def check(stacks: Path, site: Site) -> None:
    """Raise SiteErrors where a site does not keep its end of a contract."""
    if broken := tuple(mistakes_with(read_contracts(stacks), site)):
        raise SiteErrors(broken)


def mistakes_with(read: Contracts, site: Site) -> Iterator[SiteError]:
    """Yield where a site does not keep its end of a contract."""
    for name, entry in read.items():
        yield from entry.errors
        match entry.value:
            case OtMirror() | EdgeFlow() as contract:
                yield from _message_mistakes(site, entry, contract, _CLIENTS[name])
                yield from _size_mistakes(site, entry, contract)
                if isinstance(contract, EdgeFlow):
                    yield from _patience_mistakes(site, entry, contract)
                else:
                    yield from _way_back(site, entry)
            case TimeSeries() as contract:
                yield from _row_mistakes(site, entry, contract)
            case _:
                pass


def _read(file: Path, form: type[Contract]) -> DataFile[Contract]:
    if not file.exists():
        problem = SiteError(file, None, "", "is missing", "restore it: sites stand on this contract")
        return DataFile(file, None, {}, None, (problem,))
    return read_file(file, form)


def _version_mistakes(entry: DataFile[Contract]) -> Iterator[SiteError]:
    contract = entry.value
    if contract is None:
        return
    versions = [change.version for change in contract.changes]
    if versions[0] != contract.version:
        problem = f"{quoted(contract.version)} is in force, and the latest change is {versions[0]}"
        yield entry.error(("version",), problem, "say in `changes` what the version in force changed")
    numbers = [tuple(map(int, version.split("."))) for version in versions]
    if numbers != sorted(set(numbers), reverse=True):
        problem = f"{listed(versions, 'and')} do not fall from one to the next"
        yield entry.error(("changes",), problem, "write the latest first, each version once")


def _message_mistakes(
    site: Site, entry: DataFile[Contract], contract: OtMirror | EdgeFlow, client: str
) -> Iterator[SiteError]:
    for index, message in enumerate(contract.messages):
        clients = (client, "device") if isinstance(contract, EdgeFlow) else (client,)
        if not any(may(site, one, message) for one in clients):
            verb = {"publish": "publish to", "subscribe": "subscribe to"}[message.direction]
            problem = f"{site.name} lets no {' or '.join(clients)} {verb} {quoted(message.topic)}"
            yield _broken(entry, ("messages", index, "topic"), problem, "change `policy.rules`")


def may(site: Site, client: str, message: Message) -> bool:
    """Return whether the site's permissions let a class of client do what a message of a contract takes."""
    asked = _levels(site, message.topic)
    return any(
        _within(asked, _levels(site, allowed))
        for rule in site.policy.rules
        if rule.who == client and message.direction in rule.actions
        for allowed in rule.topics
    )


def _levels(site: Site, topic: str) -> list[str]:
    levels = topic.replace("{site}", site.name).split("/")
    return ["+" if level.startswith("{") and level != "{name}" else level for level in levels]


def _within(asked: list[str], allowed: list[str]) -> bool:
    """Return whether every topic that the first filter names is one of the second's."""
    if allowed[:1] == ["#"]:
        return True
    if not asked or not allowed:
        return not asked and not allowed
    if allowed[0] not in ("+", asked[0]) or (asked[0] == "#"):
        return False
    return _within(asked[1:], allowed[1:])


def _size_mistakes(
    site: Site, entry: DataFile[Contract], contract: OtMirror | EdgeFlow
) -> Iterator[SiteError]:
    agreed = contract.largest_message
    if agreed.count > site.broker.protection.largest_message.count:
        taken = site.broker.protection.largest_message
        problem = f"{site.name} takes messages of {taken}, and {agreed} are agreed"
        yield _broken(entry, ("largest_message",), problem, "raise `broker.protection.largest_message`")
    topics = {topic.name: topic for topic in site.streams.topics}
    for index, message in enumerate(contract.messages):
        reached = message.reached(by_worker=site.streams.by_worker)
        key = ("messages", index, "by_worker" if reached is not message.streams else "streams")
        if gone := [name for name in reached if name not in topics]:
            problem = f"{site.name} has no topic {listed(gone, 'and')}"
            yield _broken(entry, key, problem, f"leave {listed(gone, 'and')} in `streams.topics`")
        # Its payload goes to the first; what is made of it for the others is small.
        first = topics.get(reached[0]) if reached else None
        largest = message.largest or agreed
        if first is not None and largest.count > maximum_message(site, first).count:
            taken = maximum_message(site, first)
            problem = f"{site.name}'s topic {first.name} takes {taken}, and {largest} are agreed"
            yield _broken(entry, key, problem, f"raise `maximum_message` of {first.name}")


def _patience_mistakes(site: Site, entry: DataFile[Contract], contract: EdgeFlow) -> Iterator[SiteError]:
    if contract.stores_for.seconds < site.limits.repair.seconds:
        problem = (
            f"gateways keep what they cannot send for {contract.stores_for}, and {site.name} may be away for "
            f"{site.limits.repair}"
        )
        yield _broken(entry, ("stores_for",), problem, "agree on a longer time")


def _way_back(site: Site, entry: DataFile[Contract]) -> Iterator[SiteError]:
    for rule in site.policy.rules:
        if rule.who == "mirror" and "subscribe" in rule.actions:
            problem = f"{site.name} lets the mirror subscribe ({quoted(rule.name)})"
            yield _broken(entry, ("one_way",), problem, f"remove `subscribe` from `policy.rules.{rule.name}`")


def _row_mistakes(site: Site, entry: DataFile[Contract], contract: TimeSeries) -> Iterator[SiteError]:
    columns = [column.name for column in contract.columns]
    if missing := [name for name in ROW if name not in columns]:
        problem = f"the site's sinks write {listed(missing, 'and')}, and the row has no such column"
        yield _broken(entry, ("columns",), problem, f"add {listed(missing, 'and')}")
    keys = {column.name for column in contract.columns if column.key}
    if keys != set(ROW_KEY):
        problem = f"the sinks write rows by {listed(ROW_KEY, 'and')}"
        yield _broken(entry, ("columns",), problem, "mark exactly these as `key: true`")
    for sink in site.streams.sinks:
        for topic in sink.topics:
            if sink.iceberg is None and topic not in contract.streams:
                problem = f"{site.name}'s sink {quoted(sink.name)} fills it from {quoted(topic)}"
                yield _broken(entry, ("streams",), problem, "agree on the topic, or leave it out of the sink")


def _broken(entry: DataFile[Contract], key: tuple[str | int, ...], problem: str, remedy: str) -> SiteError:
    return entry.error(
        key, problem, f"{remedy}, or agree with the neighbour on a new version of the contract"
    )
