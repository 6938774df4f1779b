"""Changes of phase and their records: chained by hash, signed, and never changed."""

from model.promotion.branch import Judge
from model.promotion.chain import Chain, mistakes_with, read_chain
from model.promotion.record import Record

__all__ = ["Chain", "Judge", "Record", "mistakes_with", "read_chain"]
