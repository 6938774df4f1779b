"""Hostile texts through languages of configurations, read back by readers of their own: HOCON, TOML, HCL, JSON."""

import json
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components import hocon, toml, vault_policy
from components.dashboard_proxy import settings_text
from components.dashboards import dashboard_text
from components.emqx_configuration import document
from components.emqx_configuration import text as emqx_text
from components.opa_policies import site_data
from components.recording import OFFLINE
from components.sink_connectors import configuration
from components.vault_policy import Grant
from model import Site
from model.datafile import file_text
from model.document import read_document
from model.nodes import plain
from sitectl.new_file import _scalar
from tests.support import hostile
from tests.support.hocon import read
from tests.support.rule_sql import statement

few = settings(max_examples=15, deadline=None, phases=hostile.NO_SHRINKING)
# What Kafka Connect's workers look up (ConfigTransformer), wherever it stands in a value.
REFERENCE = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")


@given(hostile.texts(), hostile.texts())
def test_hocon_gives_back_keys_and_texts(key: str, text: str) -> None:
    written: hocon.Document = {key: {"text": text, "list": [text, {"in": text}]}}
    assert read(hocon.render(written)) == written


@given(hostile.texts())
def test_toml_gives_back_texts(text: str) -> None:
    assert tomllib.loads(toml.render({"text": text, "list": [text], "on": True, "n": 3})) == {
        "text": text,
        "list": [text],
        "on": True,
        "n": 3,
    }


@given(st.text(st.characters(codec="utf-8")))
def test_toml_gives_back_any_text_at_all(text: str) -> None:
    assert tomllib.loads(toml.render({"text": text})) == {"text": text}


@given(hostile.texts())
def test_yaml_gives_back_the_answers_of_a_new_site(text: str) -> None:
    assert yaml.safe_load(f"title: {_scalar(text)}\nlist: [{_scalar(text)}]\n") == {
        "title": text,
        "list": [text],
    }


@given(hostile.texts())
def test_records_and_reports_give_back_their_texts(text: str) -> None:
    written = file_text({"reason": text, "list": [text]}, "x.schema.json", "A record.")
    assert yaml.safe_load(written) == {"reason": text, "list": [text]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.yaml"
        file.write_text(written, encoding="utf-8")
        document = read_document(file)
    assert document.errors == ()
    assert document.root is not None
    assert plain(document.root) == {"reason": text, "list": (text,)}


@few
@given(hostile.sites() | hostile.sites("enterprise"))
def test_the_brokers_configuration_is_what_was_meant_whatever_the_texts_are(site: Site) -> None:
    written: Any = json.loads(json.dumps(document(site, OFFLINE), default=str))
    found: Any = json.loads(json.dumps(read(emqx_text(site, OFFLINE)), default=str))
    # It marks the configuration by a digest, and has no text of anybody's.
    del found["rule_engine"]["rules"]["configuration"]
    assert found == written
    for rule in written["rule_engine"]["rules"].values():
        assert statement(rule["sql"]).sources


@few
@given(hostile.sites())
def test_what_opa_grafana_and_the_proxy_read_is_whole(site: Site) -> None:
    assert json.loads(site_data(site))["sites"].keys() == {site.name}
    assert json.loads(dashboard_text(site))["title"] == f"IoT broker: {site.title}"
    assert "client_id" in tomllib.loads(settings_text(site, "https://keycloak.example/realms/x"))


@few
@given(hostile.sites())
def test_a_connector_refers_to_the_secrets_of_its_own_sink_and_no_others(site: Site) -> None:
    for sink in site.streams.sinks:
        for value in configuration(site, sink, sink.topics[0]).values():
            for found in REFERENCE.finditer(value):
                assert (found[1], found[3]) == ("directory", f"/mnt/sinks/{sink.name}")


@pytest.mark.parametrize("text", ["${x}", "{{identity.entity.id}}", "a}}", "a\nb", "\x1b"])
def test_a_path_that_vaults_language_cannot_hold_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        vault_policy.render([Grant(text, ("read",))])
