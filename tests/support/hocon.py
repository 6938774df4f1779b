"""Reads HOCON as far as `components/hocon.py` writes it; anything else is refused with its line."""

from lab.hocon import NotRead, read

__all__ = ["NotRead", "read"]
