"""Seen from outside: every server speaks TLS 1.2 or later with a good certificate, and nothing plain."""

import socket
from urllib.parse import urlsplit

import pytest
from testinfra.host import Host

from tests.acceptance.conftest import Target

SERVERS = ("kubernetes", "vault", "keycloak", "kafka", "opa")
A_WEEK = 7 * 86_400  # seconds; a certificate that ends sooner should have been renewed


def endpoint(address: str) -> str:
    """Return `host:port` of an address."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    return f"{parts.hostname}:{parts.port or 443}"


@pytest.mark.parametrize("server", SERVERS)
def test_certificate_is_signed_by_the_sites_authority(host: Host, target: Target, server: str) -> None:
    trust = f"-CAfile {target.authority}" if target.authority else ""
    spoken = host.run(
        f"openssl s_client -connect {endpoint(target.addresses[server])} {trust} -verify_return_error </dev/null"
    )
    assert spoken.rc == 0, spoken.stderr
    assert "Verify return code: 0 (ok)" in spoken.stdout


@pytest.mark.parametrize("server", SERVERS)
def test_certificate_does_not_end_within_a_week(host: Host, target: Target, server: str) -> None:
    address = endpoint(target.addresses[server])
    checked = host.run(
        f"openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -checkend {A_WEEK}"
    )
    assert checked.rc == 0, checked.stdout


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_protocol_versions_are_refused(host: Host, target: Target, server: str, version: str) -> None:
    spoken = host.run(
        f"openssl s_client -connect {endpoint(target.addresses[server])} -{version} "
        "-cipher DEFAULT@SECLEVEL=0 </dev/null"
    )
    assert spoken.rc != 0
    assert "Cipher is (NONE)" in spoken.stdout + spoken.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_served_without_tls(target: Target, server: str) -> None:
    name, _, port = endpoint(target.addresses[server]).rpartition(":")
    with socket.create_connection((name, int(port)), timeout=5) as door:
        door.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        try:
            answer = door.recv(64)
        except ConnectionResetError:
            answer = b""
    # Go's servers answer a plain request with "400 Bad Request"; the others say nothing, or a TLS alert.
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3"))
