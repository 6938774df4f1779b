"""The typed site: merge, validate, provenance. Pure: no Pulumi, no network, no clock."""

from model.errors import SiteError, SiteErrors, report
from model.load import load_site, site_names
from model.site import Site

__all__ = ["Site", "SiteError", "SiteErrors", "load_site", "report", "site_names"]
