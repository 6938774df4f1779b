"""Prometheus evaluates the site's rules as its data have them: where it refuses new ones, the old ones stay."""

from datetime import timedelta

from sitectl.root import program_root
from sitectl.rules import check
from tests.acceptance.conftest import Target


def test_prometheus_evaluates_every_rule_as_the_sites_data_have_it(target: Target) -> None:
    assert check(program_root(), target.site.name, timedelta(minutes=4)) == {}
