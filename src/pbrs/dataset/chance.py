"""Chance that is the same on every platform and with every version of every library."""

import hashlib


def chance(key: str) -> int:
    """Map text to a number from 0 to 2⁶⁴−1 that looks random: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
