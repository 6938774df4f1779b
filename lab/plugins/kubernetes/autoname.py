"""Names for objects that the program leaves unnamed: the same as the official plugin makes from the same seed."""

from __future__ import annotations

import hashlib
import secrets
import struct

ANNOTATION = "pulumi.com/autonamed"
LETTERS = "0123456789abcdef"
SUFFIX_LENGTH = 8
_MASK = 0xFFFFFFFF
_ROUNDS = 4
_BLOCKS = 4


def unique_name(name: str, seed: bytes) -> str:
    """`name` with eight hexadecimal digits that are a function of `seed`; random digits without a seed.

    The engine's SDK takes them from Go's ChaCha8 generator keyed by the SHA-256 of the seed, each from one 64-bit
    word (Pulumi SDK `NewUniqueName`, lukechampine.com/frand 1.5, Go `math/rand/v2`).
    """
    if not seed:
        return f"{name}-{secrets.token_hex(SUFFIX_LENGTH // 2)}"
    words = _first_words(hashlib.sha256(seed).digest())
    return f"{name}-" + "".join(LETTERS[word % len(LETTERS)] for word in words[:SUFFIX_LENGTH])


def _first_words(key: bytes) -> tuple[int, ...]:
    """The first 64-bit words of Go's ChaCha8: four blocks, interleaved word by word."""
    blocks = [_block(key, counter) for counter in range(_BLOCKS)]
    interleaved = [blocks[block][word] for word in range(16) for block in range(_BLOCKS)]
    return struct.unpack("<32Q", struct.pack("<64I", *interleaved))


def _block(key: bytes, counter: int) -> list[int]:
    """One ChaCha8 block; Go adds only the key back at the end."""
    keys = list(struct.unpack("<8I", key))
    state = [*struct.unpack("<4I", b"expand 32-byte k"), *keys, counter, 0, 0, 0]
    for _ in range(_ROUNDS):
        for column in range(4):
            _quarter(state, column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            diagonal = ((column + step) % 4 for step in (1, 2, 3))
            second, third, fourth = diagonal
            _quarter(state, column, 4 + second, 8 + third, 12 + fourth)
    return [
        *state[:4],
        *((mixed + own) & _MASK for mixed, own in zip(state[4:12], keys, strict=True)),
        *state[12:],
    ]


def _quarter(state: list[int], first: int, second: int, third: int, fourth: int) -> None:
    for target, source, mixed, distance in (
        (first, second, fourth, 16),
        (third, fourth, second, 12),
        (first, second, fourth, 8),
        (third, fourth, second, 7),
    ):
        state[target] = (state[target] + state[source]) & _MASK
        turned = state[mixed] ^ state[target]
        state[mixed] = ((turned << distance) | (turned >> (32 - distance))) & _MASK
