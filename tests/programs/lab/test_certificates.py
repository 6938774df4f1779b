"""What OpenSSL says of the certificates of the lab's authority."""

import subprocess
from pathlib import Path

from lab.certificates import Authority


def test_openssl_accepts_a_server_certificate_for_its_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls", "a lab")
    authority.ensure()
    pair = authority.server("vault")
    arguments = (
        "openssl",
        "verify",
        "-CAfile",
        authority.certificate,
        "-x509_strict",
        "-verify_ip",
        "127.0.0.1",
    )
    done = subprocess.run(
        [*arguments, "-purpose", "sslserver", pair.certificate], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
