"""EMQX's configuration as types: every key that the kit can write, with its type, edition and version."""

from model.emqx.configuration import Configuration
from model.emqx.section import Section, Unsupported, declared, unsupported, values

__all__ = ["Configuration", "Section", "Unsupported", "declared", "unsupported", "values"]
