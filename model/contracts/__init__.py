"""The contracts with a site's neighbours, as typed, versioned data: what each end may rely on."""

from model.contracts.forms import FORMS, Contract, CorePlatform, EdgeFlow, OtMirror, TimeSeries
from model.contracts.keeping import check, mistakes_with, read_contracts, shared_mistakes

__all__ = [
    "FORMS",
    "Contract",
    "CorePlatform",
    "EdgeFlow",
    "OtMirror",
    "TimeSeries",
    "check",
    "mistakes_with",
    "read_contracts",
    "shared_mistakes",
]
