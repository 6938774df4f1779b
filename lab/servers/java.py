"""Starts Java servers small: serial collector, first compiler alone, and classes shared from an archive."""

from pathlib import Path

from lab.servers.base import Lab

# A class archive needs the very JDK and class path that made it, so its name carries both.
DEFAULT_CLASSES = "classes"


def virtual_machine(lab: Lab, heap: str, archive: Path) -> tuple[str, ...]:
    """Return `java` and its options; `heap` as Java says it (`256m`), `archive` is made at the first clean stop."""
    return (
        str(lab.tools["java"] / "bin" / "java"),
        f"-Xmx{heap}",
        "-Xms64m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:MaxMetaspaceSize=256m",
        "-XX:ReservedCodeCacheSize=64m",
        "-XX:+AutoCreateSharedArchive",
        f"-XX:SharedArchiveFile={archive}",
        "-Xlog:cds=off",
        "-Xlog:cds+dynamic=off",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        "-Djava.net.preferIPv4Stack=true",
        "-Dfile.encoding=UTF-8",
    )
