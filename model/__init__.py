"""The typed site: merge, validate, provenance. Pure: no Pulumi, no network, no clock."""

from model.errors import SiteError, SiteErrors, report
from model.load import Stacks, load_site, site_names
from model.site import Site

__all__ = ["Site", "SiteError", "SiteErrors", "Stacks", "load_site", "report", "site_names"]
