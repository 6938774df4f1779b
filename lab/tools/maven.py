"""Fetches pinned Maven artifacts with one pinned Maven, itself fetched where the machine has none."""

import hashlib
import os
import re
import shutil
import sys
import tarfile
import tomllib
import warnings
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lab.tools.bench import Bench
from lab.tools.errors import ChecksumError, ToolError

SOURCES = Path(__file__).parents[1] / "java"
PINS = SOURCES / "maven.toml"
COORDINATES = ("org.apache.maven", "apache-maven", "bin", "zip")
CENTRAL = "central"
TRUST_PASSWORD = "changeit"  # noqa: S105 - Java's own default; the file holds public certificates only
CHECKSUM_SETTINGS = "-Daether.artifactResolver.postProcessor.trustedChecksums"
SOURCE_SETTINGS = "-Daether.trustedChecksumsSource.summaryFile"
# Profiles of POMs that name another artifact for each kind of machine; Maven takes the one of this machine by itself.
MACHINES = ("linux-x86_64", "linux-aarch64", "mac-x86_64", "mac-aarch64")


def artifact_version(pom: Path, artifact: str) -> str:
    """Return the version of `artifact` among a POM's dependencies."""
    found = re.search(rf"<artifactId>{re.escape(artifact)}</artifactId>\s*<version>([^<]+)<", pom.read_text())
    if not found:
        raise LookupError(f"{pom} does not name {artifact}")
    return found[1]


def fetch(bench: Bench, jdk: Path, project: str, into: Path, *, record: bool = False) -> None:
    """Put the artifacts that the POM in `lab/java/<project>` names, and what they need, into the folder `into`.

    Everything that Maven reads on the way, its plugins included, is checked against the project's
    `checksums.sha256`. With `record`, that file is written instead, for every kind of machine: it is how the pins
    are renewed.
    Raises `CommandFailedError` when something is missing or is not what was pinned.
    """
    folder = SOURCES / project
    home = _maven(bench, jdk)
    repository = bench.work / ("recorded" if record else "repository")
    bench.run(
        "fetching",
        [
            home / "bin" / "mvn",
            "--batch-mode",
            f"--file={folder / 'pom.xml'}",
            f"-Dmaven.repo.local={repository}",
            f"{SOURCE_SETTINGS}=true",
            f"{SOURCE_SETTINGS}.basedir={folder}",
            f"{SOURCE_SETTINGS}.originAware=false",
            f"{CHECKSUM_SETTINGS}=true",
            f"{CHECKSUM_SETTINGS}.checksumAlgorithms=SHA-256",
            f"{CHECKSUM_SETTINGS}.{'record' if record else 'failIfMissing'}=true",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={into}",
            *([f"--activate-profiles={','.join(MACHINES)}"] if record else []),
        ],
        environment=environment(bench, jdk),
        counting="lines of Maven's",
    )


def environment(bench: Bench, jdk: Path) -> dict[str, str]:
    """Return what Java commands of a build run with: this JDK, and the certificate authorities of the machine."""
    options = os.environ.get("MAVEN_OPTS", "")
    bundle = _authorities(os.environ)
    if bundle and "javax.net.ssl.trustStore" not in options:
        store = _trust_store(bundle, bench.work / "authorities.p12")
        options += f" -Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"
    return {"JAVA_HOME": str(jdk), "MAVEN_OPTS": options.strip(), "MAVEN_SKIP_RC": "1"}


def _authorities(settings: Mapping[str, str]) -> Path | None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if (value := settings.get(name)) and Path(value).is_file():
            return Path(value)
    return None


def _trust_store(bundle: Path, store: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.utils import CryptographyDeprecationWarning

    authorities = set()
    for block in re.findall(
        rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle.read_bytes(), re.DOTALL
    ):
        # A bundle may hold an old root that breaks today's rules: nobody needs it, and the others still count.
        with warnings.catch_warnings(), suppress(ValueError):
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            authorities.add(x509.load_pem_x509_certificate(block))
    entries = [
        pkcs12.PKCS12Certificate(authority, f"authority-{number}".encode())
        for number, authority in enumerate(authorities)
    ]
    store.write_bytes(
        pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(TRUST_PASSWORD.encode()))
    )
    return store


def _maven(bench: Bench, jdk: Path) -> Path:
    """Return the home of the pinned Maven, fetched into the lane's work folder when it is not there."""
    pins = tomllib.loads(PINS.read_text())
    home = bench.work / f"apache-maven-{pins['version']}"
    if home.is_dir():
        return home
    archive = bench.work / "maven.zip"
    _fetch_maven(bench, jdk, pins["version"], archive)
    found = hashlib.sha512(archive.read_bytes()).hexdigest()
    if found != pins["sha512"]:
        raise ChecksumError(f"Maven {pins['version']}", pins["sha512"], found)
    unpacked = bench.work / "maven-unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unzip(archive, unpacked)
    (unpacked / home.name).rename(home)
    archive.unlink()
    return home


def _fetch_maven(bench: Bench, jdk: Path, version: str, archive: Path) -> None:
    """Fetch Maven's own archive by the Python client, or else by whatever `mvn` the machine has."""
    group, name, classifier, kind = COORDINATES
    bundle = _authorities(os.environ)
    try:
        bench.run(
            f"fetching Maven {version}",
            [sys.executable, "-m", "lab.tools.maven_client", group, name, version, classifier, kind, archive],
            environment={"REQUESTS_CA_BUNDLE": str(bundle)} if bundle else {},
            folder=SOURCES.parents[1],
        )
    except ToolError:
        if bench.cancelled.is_set() or not shutil.which("mvn"):
            raise
    else:
        return
    repository = bench.work / "bootstrap"
    bench.run(
        f"fetching Maven {version} by the machine's own Maven",
        [
            "mvn",
            "--batch-mode",
            f"-Dmaven.repo.local={repository}",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get",
            f"-Dartifact={group}:{name}:{version}:{kind}:{classifier}",
            "-Dtransitive=false",
        ],
        environment=environment(bench, jdk),
    )
    folder = repository.joinpath(*group.split("."), name, version)
    shutil.copyfile(folder / f"{name}-{version}-{classifier}.{kind}", archive)


def mirror(settings: Path) -> str | None:
    """Return the URL of the mirror of Maven's central repository that a settings.xml names, if any."""
    if not settings.is_file():
        return None
    root = ElementTree.parse(settings).getroot()  # noqa: S314 - the user's own file
    for node in root.findall(".//{*}mirrors/{*}mirror"):
        of = (node.findtext("{*}mirrorOf") or "").replace(" ", "").split(",")
        if f"!{CENTRAL}" not in of and {CENTRAL, "*", "external:*"} & set(of):
            return node.findtext("{*}url")
    return None


def untar(archive: Path, into: Path) -> None:
    """Unpack a tar archive, however it is compressed."""
    with tarfile.open(archive) as opened:
        # The first releases of Python 3.11 have no filter; what is unpacked here was checked before.
        opened.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        opened.extractall(into)  # noqa: S202 - as said above


def unzip(archive: Path, into: Path) -> None:
    """Unpack a zip with the executable bits that it holds, which Python's own way of unpacking drops."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            target = Path(opened.extract(entry, into))
            if (mode := entry.external_attr >> 16) and target.is_file():
                target.chmod(mode & 0o755)
