"""Quotas are asked for in Kafka's own bytes, after a login that proves the password without sending it."""

import base64
import hashlib
import hmac
import struct

import pytest

from lab.operators.loop import Retry
from lab.operators.quotas import quota_request, scram_answer

SALT = b"sixteen bytes ok"


def challenge(nonce: str) -> str:
    return f"r={nonce}-server,s={base64.b64encode(SALT).decode()},i=4096"


def test_a_request_names_the_user_and_each_quota() -> None:
    request = quota_request("ab", {"producer_byte_rate": 1024.0, "consumer_byte_rate": None})
    assert request == (
        struct.pack(">i", 1)  # one entry
        + struct.pack(">i", 1)  # of one entity
        + struct.pack(">h", 4) + b"user" + struct.pack(">h", 2) + b"ab"
        + struct.pack(">i", 2)  # with two operations
        + struct.pack(">h", 18) + b"consumer_byte_rate" + struct.pack(">d", 0.0) + b"\x01"
        + struct.pack(">h", 18) + b"producer_byte_rate" + struct.pack(">d", 1024.0) + b"\x00"
        + b"\x00"  # for real, not only to validate
    )  # fmt: skip


def test_a_server_that_knows_the_password_accepts_the_proof() -> None:
    answer = scram_answer("lab", "a password", "nonce", challenge("nonce"))
    salted = hashlib.pbkdf2_hmac("sha512", b"a password", SALT, 4096)
    stored = hashlib.sha512(hmac.digest(salted, b"Client Key", "sha512")).digest()
    without_proof, proof = answer.message.rsplit(",p=", 1)
    signed = f"n=lab,r=nonce,{challenge('nonce')},{without_proof}".encode()
    signature = hmac.digest(stored, signed, "sha512")
    client_key = bytes(left ^ right for left, right in zip(base64.b64decode(proof), signature, strict=True))
    assert hashlib.sha512(client_key).digest() == stored
    assert answer.server_signature == hmac.digest(
        hmac.digest(salted, b"Server Key", "sha512"), signed, "sha512"
    )


def test_the_password_is_not_in_what_is_sent() -> None:
    assert "a password" not in scram_answer("lab", "a password", "nonce", challenge("nonce")).message


def test_a_challenge_for_another_client_is_not_answered() -> None:
    with pytest.raises(Retry):
        scram_answer("lab", "a password", "nonce", challenge("another"))
