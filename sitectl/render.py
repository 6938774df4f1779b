"""`sitectl render SITE`: every manifest, realm, policy and broker configuration of a site, with no server at hand."""

import gc
import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from components.settings import Settings
    from model import Site

# Below this many sites a second process costs more than it saves.
_MANY = 8
INDEX = "index.yaml"


@dataclass(frozen=True)
class _Work:
    """A site to render; into the folder of its name below `out`, where there is one."""

    root: Path
    site: "Site"
    out: Path | None


@dataclass(frozen=True)
class _Rendered:
    """What came of it: the index, the files where they were not written, or what went wrong."""

    site: str
    index: list[dict[str, object]]
    files: dict[str, str]
    problem: str = ""


class NotOursError(Exception):
    """A folder that is to be written holds something that no rendering wrote."""

    def __init__(self, folder: Path, found: str) -> None:
        super().__init__(
            f"{folder} is not as a rendering left it: {found}; nothing was touched\n"
            "    move what is yours away, or name another folder"
        )
        self.folder = folder


@click.command("render")
@click.argument("sites", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Render all sites.")
@click.option("--out", "folder", help="Folder to write to: one folder for each site.")
@click.option("--json", "as_json", is_flag=True, help="Print each file's path, size and SHA-256 as JSON.")
def command(sites: tuple[str, ...], every: bool, folder: str | None, as_json: bool) -> None:
    """Render SITES without any server; the same data gives the same bytes.

    Without --out, the documents are printed. Addresses are those of the stack's own configuration, or placeholders
    where the stack has none.
    """
    from model.estate import load_estate
    from sitectl import output, problems
    from sitectl.root import program_root

    if bool(sites) == every:
        raise click.UsageError("name the sites, or say --all")
    if folder is not None and not folder.strip():
        raise click.BadParameter("names no folder; write one, like `--out rendered`", param_hint="--out")
    out = None if folder is None else Path(folder)
    root = program_root()
    estate = load_estate(root / "stacks", dict.fromkeys(sites))
    if estate.errors:
        problems.refuse_data(estate.errors)
    _refuse_unapproved(estate.sites)
    described: list[dict[str, object]] = []
    with output.progress(f"rendering {len(estate.sites)} sites"):
        for found in _rendered([_Work(root, site, out) for site in estate.sites]):
            if found.problem:
                problems.refuse(found.problem)
            described.append({"site": found.site, "files": found.index})
            if out is None and not as_json:
                _print(found.site, found.files)
    if as_json:
        output.write_json({"sites": described})
    elif out is not None:
        for entry in described:
            files_of_site = entry["files"]
            assert isinstance(files_of_site, list)  # noqa: S101 - made some lines above
            click.echo(
                f"{output.paint('rendered', 'good')}: {out / str(entry['site'])} ({len(files_of_site)} files)"
            )


def _refuse_unapproved(sites: "tuple[Site, ...]") -> None:
    from components import approvals
    from sitectl import problems

    for site in sites:
        try:
            approvals.check(site)
        except approvals.UnapprovedChangeError as error:
            problems.refuse(str(error))


def index(files: dict[str, str]) -> list[dict[str, object]]:
    """Return what was rendered: each file's path, size in bytes and SHA-256."""
    return [
        {
            "path": path,
            "bytes": len(text.encode()),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        for path, text in files.items()
    ]


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a site's files, and an index of them, in place of an earlier rendering; raises NotOursError, OSError."""
    # YAML that is JSON's own: so many entries take a YAML writer longer than the site's whole broker.
    text_of_index = "".join(f"- {json.dumps(entry)}\n" for entry in index(files))
    _refuse_what_is_not_ours(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and renamed: whoever reads the folder sees one rendering or the other.
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        written = {aside / path: text for path, text in {**files, INDEX: text_of_index}.items()}
        for parent in dict.fromkeys(file.parent for file in written):
            parent.mkdir(parents=True, exist_ok=True)
        for file, text in written.items():
            file.write_text(text, encoding="utf-8")
        aside.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _refuse_what_is_not_ours(folder: Path) -> None:
    """Raise NotOursError unless the folder is not there, empty, or holds an earlier rendering and nothing beside it."""
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise NotOursError(folder, "it is no folder")
    there = {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    }
    if not there:
        return
    if INDEX not in there:
        raise NotOursError(folder, f"{INDEX} is missing")
    lines = (folder / INDEX).read_text(encoding="utf-8").splitlines()
    try:
        written = {INDEX, *(json.loads(line.removeprefix("- "))["path"] for line in lines)}
    except (ValueError, KeyError, TypeError):
        raise NotOursError(folder, f"{INDEX} is not as a rendering writes it") from None
    if strange := sorted(there - written):
        raise NotOursError(folder, f"`{strange[0]}` was not rendered")


def _rendered(works: "Sequence[_Work]") -> "Iterator[_Rendered]":
    if len(works) < _MANY:
        yield from map(_render, works)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Started anew, not forked: the engine's threads do not survive a fork.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_make_room) as processes:
        yield from processes.map(_render, works, chunksize=_MANY)


def _make_room() -> None:
    """Let a worker make far more objects before it looks for garbage: a site's are gone when it is written."""
    gc.set_threshold(100_000, 50, 50)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End the worker when the command that started it is gone: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _render(work: "_Work") -> "_Rendered":
    """Render a site, and write it where it is to be written: the files need not come back from a worker then."""
    from components.rendering import rendered
    from sitectl.problems import worded_os

    files = rendered(work.site, _settings(work.root, work.site.name))
    if work.out is None:
        return _Rendered(work.site.name, index(files), files)
    try:
        write(work.out / work.site.name, files)
    except NotOursError as error:
        return _Rendered(work.site.name, [], {}, str(error))
    except OSError as error:
        return _Rendered(work.site.name, [], {}, worded_os(error))
    return _Rendered(work.site.name, index(files), {})


def _settings(root: Path, site: str) -> "Settings":
    from components.recording import OFFLINE
    from components.settings import SettingsErrors
    from sitectl import problems
    from sitectl.settings import SettingsFileError, load_settings, settings_file

    if not settings_file(root, site).is_file():
        return OFFLINE
    try:
        return load_settings(root, site)
    except (SettingsFileError, SettingsErrors) as error:
        problems.refuse(str(error))


def _print(site: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        # The broker's configuration and the policies are no YAML; they are inside the manifests as well.
        if path.endswith(".yaml"):
            sys.stdout.write(f"---\n# {site}/{path}\n{text}")
