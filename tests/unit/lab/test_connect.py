"""A worker's settings are those that Strimzi makes of a KafkaConnect; only where things are is the lab's own."""

from pathlib import Path

from components.recording import Composition
from lab.connect import Place, as_strings, mounts, worker_settings
from model import load_site
from tests.support.composing import compose
from tests.support.variants import STACKS

PLACE = Place(
    kafka="127.0.0.1:9092", root=Path("/pod"), port=8083, metrics=9404, tool=Path("/tool"), hosts={}
)


def composition() -> Composition:
    return compose(load_site(STACKS, "eagle-ford"))


def test_every_client_signs_in_as_the_workers_user_over_tls() -> None:
    settings = worker_settings(composition().one("KafkaConnect").spec, PLACE)
    for client in ("", "producer.", "consumer.", "admin."):
        assert settings[f"{client}security.protocol"] == "SASL_SSL"
        assert settings[f"{client}sasl.mechanism"] == "SCRAM-SHA-512"
        assert "username=eagle-ford-connect" in settings[f"{client}sasl.jaas.config"]
        assert settings[f"{client}ssl.truststore.type"] == "PEM"


def test_no_secret_is_in_a_workers_settings() -> None:
    settings = worker_settings(composition().one("KafkaConnect").spec, PLACE)
    secret = "${strimzidir:/pod/opt/kafka/connect-password/sinks-kafka:password}"
    assert settings["sasl.jaas.config"].endswith(f"password={secret};")
    assert settings["ssl.truststore.certificates"].startswith("${strimzidir:")


def test_a_resources_own_settings_are_taken_with_strimzis_beside_them() -> None:
    spec = composition().one("KafkaConnect").spec
    settings = worker_settings(spec, PLACE)
    assert settings["config.providers"] == "directory,strimzidir"
    assert settings["config.providers.directory.param.allowed.paths"] == "/pod/mnt/sinks"
    own = {
        key: value for key, value in as_strings(spec["config"], PLACE).items() if key != "config.providers"
    }
    assert own.items() <= settings.items()


def test_a_pods_secrets_are_where_its_template_mounts_them() -> None:
    made = composition().one("KafkaConnect")
    assert dict(mounts({"spec": made.spec})) == {
        "/opt/kafka/connect-certs/sinks-kafka": "sinks-kafka",
        "/opt/kafka/connect-password/sinks-kafka": "sinks-kafka",
        "/mnt/sinks/historian": "sink-historian",
        "/mnt/sinks/edge": "sink-edge",
    }
