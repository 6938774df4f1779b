"""Workers to Kafka: each has one name and only its own rights, and nothing is left of the way that they replace."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import rights
from components.broker_secrets import slots
from components.certificate_exporter import watched
from components.issuing_roles import issuing_roles
from components.kafka_worker import IMAGES, program_files
from components.opa_policies import site_data
from components.recording import Composition
from components.requirements import needed_apis
from components.workers import common_name, workers
from images.worker import figures, topics
from images.worker.settings import Settings, parse
from model import Site, record_size
from sitectl.checks.vault import wanted_paths
from tests.support.composing import compose, compose_bootstrap
from tests.support.variants import sites_with_worker

KINDS = ("kafka-worker", "ot-worker")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Eagle Ford with workers: an opensource broker in its pilot."""
    found = sites_with_worker(tmp_path_factory.mktemp("worker"), "pilot", "opensource")
    return next(site for site in found if site.name == "eagle-ford")


@pytest.fixture
def carried(site: Site) -> Composition:
    return compose(site)


def pods(composition: Composition, kind: str) -> list[str]:
    """Return the names that Kubernetes gives to the pods of a StatefulSet."""
    return [f"{kind}-{number}" for number in range(composition.one("StatefulSet", kind).spec["replicas"])]


def pod_of(composition: Composition, kind: str) -> Any:
    return composition.one("StatefulSet", kind).spec["template"]["spec"]


def files(composition: Composition, kind: str) -> dict[str, Any]:
    """Return the settings of each pod, as its file has them."""
    data = composition.one("ConfigMap", f"{kind}-settings").inputs["data"]
    return {name.removesuffix(".json"): json.loads(text) for name, text in data.items()}


def read(composition: Composition, kind: str) -> dict[str, Settings]:
    """Return the settings of each pod, as the program reads them: without an environment of its own."""
    return {pod: parse(found, {}) for pod, found in files(composition, kind).items()}


def test_there_are_as_many_workers_as_the_peak_asks_for_and_one_of_the_mirror(carried: Composition) -> None:
    main, mirror = workers(carried.site)
    assert (main.name, mirror.name, mirror.number) == (*KINDS, 1)
    for kind in (main, mirror):
        spec = carried.one("StatefulSet", kind.name).spec
        assert (spec["replicas"], spec["podManagementPolicy"]) == (kind.number, "Parallel")
        assert carried.one("Service", kind.name).spec["clusterIP"] == "None"
        assert spec["serviceName"] == kind.name
        budget = carried.one("PodDisruptionBudget", kind.name).spec
        assert budget == {"maxUnavailable": 1, "selector": spec["selector"]}


def test_no_two_statefulsets_select_the_same_pods(carried: Composition) -> None:
    selected = [carried.one("StatefulSet", kind).spec["selector"]["matchLabels"] for kind in KINDS]
    labels = [
        carried.one("StatefulSet", kind).spec["template"]["metadata"]["labels"].items() for kind in KINDS
    ]
    assert selected[0].items() <= labels[0]
    assert not selected[0].items() <= labels[1]
    assert not selected[1].items() <= labels[0]


def test_the_program_reads_its_settings_and_finds_nothing_wrong(carried: Composition) -> None:
    for kind in KINDS:
        assert sorted(read(carried, kind)) == pods(carried, kind)


def test_each_pod_has_a_name_of_its_own_which_is_its_certificates_and_its_client_id(
    carried: Composition,
) -> None:
    seen = set()
    for kind in KINDS:
        role = next(role for role in issuing_roles(carried.site) if role.name == kind)
        for pod, settings in read(carried, kind).items():
            certificate = carried.one("Certificate", f"{pod}-identity").spec
            name = certificate["commonName"]
            assert (settings.mqtt.client_id, certificate["dnsNames"]) == (name, [name])
            assert certificate["usages"] == ["digital signature", "client auth"]
            assert certificate["issuerRef"]["name"] == kind
            assert name in role.domains
            seen.add(name)
        assert len(role.domains) == len(pods(carried, kind))
        assert role.exact
    known = json.loads(site_data(carried.site))["sites"]["eagle-ford"]["workers"]
    assert set(known) == seen


def test_what_the_program_subscribes_to_is_what_the_policy_lets_it(carried: Composition) -> None:
    """EMQX ends the session when one filter of several is denied, so there is no room on either side."""
    known = json.loads(site_data(carried.site))["sites"]["eagle-ford"]["workers"]
    for kind in KINDS:
        for settings in read(carried, kind).values():
            mine = known[settings.mqtt.client_id]
            assert sorted(mine["filters"]) == sorted(settings.mqtt.filters)
            assert mine["group"] == settings.mqtt.group


def test_it_subscribes_to_all_that_the_program_finds_a_topic_for(carried: Composition) -> None:
    """And to what was to be held back as EMQX lets it: `$delayed/#` is denied whatever the policy says."""
    for kind in KINDS:
        for settings in read(carried, kind).values():
            own = {name for name in topics.filters(settings.topics) if not name.startswith("$delayed/")}
            held_back = {f"$delayed/+/{name}" for name in own if not name.startswith("$")}
            assert set(settings.mqtt.filters) == own | held_back
            assert held_back


def test_a_worker_that_asks_for_no_rebirth_may_publish_nothing(carried: Composition) -> None:
    known = json.loads(site_data(carried.site))["sites"]["eagle-ford"]["workers"]
    assert [entry["publishes"] for entry in known.values()] == [[]] * len(known)


def test_a_worker_asks_for_a_rebirth_by_the_right_of_its_host(site: Site) -> None:
    streams = site.streams.model_copy(
        update={
            "worker": site.streams.worker and site.streams.worker.model_copy(update={"host_id": "karnes"})
        }
    )
    changed = site.model_copy(update={"streams": streams})
    known = json.loads(site_data(changed))["sites"]["eagle-ford"]["workers"]
    published = {name: entry["publishes"] for name, entry in known.items()}
    assert published.pop(common_name(site, "ot-worker-0")) == []
    assert set(map(tuple, published.values())) == {("spBv1.0/eagle-ford/NCMD/+",)}


def test_each_file_that_the_settings_name_is_mounted(carried: Composition) -> None:
    for kind in KINDS:
        pod = pod_of(carried, kind)
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for name, settings in read(carried, kind).items():
            named = [*settings.mqtt.identity.files, *settings.kafka.files, *settings.listen.identity.files]
            assert len(named) == 7
            for file in named:
                folder = str(Path(*file.parts[:3]))
                volume = volumes[mounts[folder]]
                if folder == "/worker/identity":
                    paths = {
                        item["path"]: source["secret"]["name"]
                        for source in volume["projected"]["sources"]
                        for item in source["secret"]["items"]
                    }
                    assert paths[str(file.relative_to(folder))] == f"{name}-identity"
                elif folder == "/worker/trust":
                    assert file.name in carried.one("ConfigMap", "site-trust").inputs["data"]
                else:
                    secret = volume["secret"]["secretName"]
                    keys = slots(carried.site).get(secret, ("tls.crt", "tls.key"))
                    assert file.name in keys


def test_no_password_or_key_is_in_a_config_map(carried: Composition) -> None:
    for kind in KINDS:
        for settings in files(carried, kind).values():
            assert settings["kafka"]["password_file"] == "/worker/kafka/password"
            assert not {key for part in ("mqtt", "kafka") for key in settings[part]} & {"password", "secret"}


def test_the_whole_program_is_mounted_as_the_package_that_it_is(carried: Composition) -> None:
    data = carried.one("ConfigMap", "kafka-worker-program").inputs["data"]
    (volume,) = [volume for volume in pod_of(carried, "ot-worker")["volumes"] if volume["name"] == "program"]
    laid_out = {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]}
    assert laid_out == program_files()
    assert len(laid_out) == len(data)
    assert sum(map(len, data.values())) < 2**20
    for path, text in laid_out.items():
        for needed in imported(text):
            module = needed.replace(".", "/")
            assert {f"{module}.py", f"{module}/__init__.py"} & set(laid_out), f"{path} imports {needed}"


def test_what_is_mounted_starts_by_itself(carried: Composition, tmp_path: Path) -> None:
    data = carried.one("ConfigMap", "kafka-worker-program").inputs["data"]
    (volume,) = [
        volume for volume in pod_of(carried, "kafka-worker")["volumes"] if volume["name"] == "program"
    ]
    for item in volume["configMap"]["items"]:
        file = tmp_path / "program" / item["path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(data[item["key"]], encoding="utf-8")
    settings = files(carried, "kafka-worker")["kafka-worker-0"] | {"surprise": 1}
    wrong = tmp_path / "kafka-worker-0.json"
    wrong.write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "images.worker", wrong],
        cwd=tmp_path / "program",
        # Nothing of the checkout: what is imported is what is mounted.
        env={"PYTHONSAFEPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        done.returncode,
        done.stdout.count("surprise: unknown") + done.stderr.count("surprise: unknown"),
    ) == (2, 1)
    assert "Traceback" not in done.stderr


def imported(text: str) -> list[str]:
    """Return the modules of the images' own that a file imports; a name that is imported may be a module, too."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
            # The program runs alone.
            assert node.level == 0
            assert not (node.module or "").startswith(("model", "components", "lab", "sitectl"))
    return [name for name in found if name.split(".")[0] == IMAGES.name]


def test_a_pod_runs_the_program_with_its_own_settings_and_without_any_privilege(carried: Composition) -> None:
    for kind in KINDS:
        pod = pod_of(carried, kind)
        (container,) = pod["containers"]
        assert container["command"] == [
            *("python", "-m", "images.worker"),
            "/worker/settings/$(POD_NAME).json",
        ]
        assert container["workingDir"] == "/worker/program"
        assert container["env"][0]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "cpu" not in container["resources"]["limits"]


def test_probes_ask_what_the_program_answers(carried: Composition) -> None:
    answered = Path(figures.__file__).read_text(encoding="utf-8")
    for kind in KINDS:
        (container,) = pod_of(carried, kind)["containers"]
        asked = {
            probe: container[f"{probe}Probe"]["httpGet"] for probe in ("readiness", "liveness", "startup")
        }
        assert asked["liveness"]["path"] == asked["startup"]["path"] != asked["readiness"]["path"]
        for question in asked.values():
            assert f'"{question["path"]}"' in answered
            assert question["scheme"] == "HTTPS"


def test_a_change_of_settings_rolls_the_workers(site: Site, carried: Composition) -> None:
    worker = site.streams.worker
    assert worker is not None
    streams = site.streams.model_copy(
        update={"worker": worker.model_copy(update={"decode_sparkplug": False})}
    )
    other = compose(site.model_copy(update={"streams": streams}))

    def digest(composition: Composition, kind: str) -> Any:
        return composition.one("StatefulSet", kind).spec["template"]["metadata"]["annotations"]

    assert digest(carried, "kafka-worker") != digest(other, "kafka-worker")
    # The mirror's worker decodes nothing: it goes on.
    assert digest(carried, "ot-worker")["iot-broker/settings"]


def test_a_rollout_has_time_for_one_pod_after_the_other(carried: Composition) -> None:
    for kind in KINDS:
        made = carried.one("StatefulSet", kind)
        seconds = int(made.timeouts.update.removesuffix("s"))
        assert seconds >= carried.site.broker.ready_within.seconds + 30 * made.spec["replicas"]


def test_a_worker_comes_after_what_it_is_ready_with(carried: Composition) -> None:
    waits_for = set(carried.one("StatefulSet", "kafka-worker").depends_on)
    assert carried.one("EMQX").urn in waits_for
    assert {
        carried.one("Certificate", f"{pod}-identity").urn for pod in pods(carried, "kafka-worker")
    } <= waits_for
    assert carried.one("Certificate", "kafka-worker-tls").urn in waits_for
    assert {
        made.urn
        for made in carried.of("ExternalSecret")
        if made.metadata["name"] in ("kafka-worker-kafka", "ot-worker-kafka")
    } <= waits_for


def test_a_certificate_is_asked_for_once_vault_gives_it(carried: Composition) -> None:
    for kind in KINDS:
        issuer = carried.one("Issuer", kind)
        for pod in pods(carried, kind):
            assert issuer.urn in carried.one("Certificate", f"{pod}-identity").depends_on


def test_cert_manager_logs_in_for_each_kind_by_a_role_of_its_own(carried: Composition) -> None:
    made = compose_bootstrap(carried.site)
    for kind in KINDS:
        said = carried.one("Issuer", kind).spec["vault"]
        assert said["path"] == f"pki-eagle-ford-issuing/sign/{kind}"
        login = next(
            login.inputs
            for login in made.of("AuthBackendRole")
            if login.inputs["roleName"] == said["auth"]["kubernetes"]["role"]
        )
        assert login["tokenPolicies"] == [f"iot-eagle-ford-issue-{kind}"]
        assert login["audience"] == f"vault://iot-eagle-ford/{kind}"


def test_the_workers_write_what_is_theirs_and_the_mirrors_worker_its_own_topic_alone(
    carried: Composition,
) -> None:
    def rights(user: str, operation: str) -> set[str]:
        rules = carried.one("KafkaUser", f"eagle-ford-{user}").spec["authorization"]["acls"]
        return {
            rule["resource"]["name"].removeprefix("eagle-ford.")
            for rule in rules
            if operation in rule["operations"] and rule["resource"]["type"] == "topic"
        }

    for kind in workers(carried.site):
        for settings in read(carried, kind.name).values():
            assert settings.kafka.user == f"eagle-ford-{kind.user}"
            assert set(settings.kafka.topics) == rights(kind.user, "Write")
    assert rights("ot-worker", "Write") == {"ot"}
    assert rights("ot-worker", "Read") == set()
    assert rights("worker", "Read") == {"births"}
    users = [user.metadata["name"].removeprefix("eagle-ford-") for user in carried.of("KafkaUser")]
    assert [user for user in users if "ot" in rights(user, "Write")] == ["ot-worker"]


def test_the_workers_know_the_largest_record_that_each_topic_takes(carried: Composition) -> None:
    known = {made.metadata["name"]: made.spec["config"] for made in carried.of("KafkaTopic")}
    for kind in KINDS:
        for settings in read(carried, kind).values():
            for topic in settings.kafka.topics.values():
                assert topic.largest_record == known[topic.name]["max.message.bytes"]
    assert record_size.largest_written(carried.site).count == max(
        topic["max.message.bytes"]
        for name, topic in known.items()
        if name.split(".")[1] in ("raw", "sparkplug")
    )


def test_no_other_way_to_kafka_is_left(carried: Composition) -> None:
    assert carried.of("KafkaBridge") == []
    assert "kafka-bridge" not in {made.metadata["name"] for made in carried.of("NetworkPolicy")}
    assert "kafka-bridge-service" not in " ".join(watched(carried.site).values())
    assert "broker-kafka" not in slots(carried.site)
    assert "broker-kafka" not in str([made.inputs for made in carried.manifests])
    policy = compose_bootstrap(carried.site).one("Policy", "iot-eagle-ford-read-secrets").inputs["policy"]
    assert "iot/data/eagle-ford/kafka-worker-kafka" in policy
    assert "broker-kafka" not in policy


def test_a_site_without_workers_has_nothing_of_them(eagle_ford: Composition) -> None:
    assert eagle_ford.of("StatefulSet") == []
    assert workers(eagle_ford.site) == ()
    assert "workers" not in json.loads(site_data(eagle_ford.site))["sites"]["eagle-ford"]
    assert "worker" not in {made.metadata.get("name") for made in eagle_ford.manifests}


def test_a_deployer_makes_statefulsets_where_there_are_workers_and_nowhere_else(
    carried: Composition, eagle_ford: Composition
) -> None:
    def written(site: Site) -> set[str]:
        rules = [
            rule
            for entry in yaml.safe_load_all(rights.text(site, "kubernetes", "deployer"))
            for rule in entry.get("rules", ())
        ]
        return {resource for rule in rules if "create" in rule["verbs"] for resource in rule["resources"]}

    assert written(carried.site) - written(eagle_ford.site) == {"statefulsets"}
    looked_at = rights.text(carried.site, "kubernetes", "deployer")
    assert "resourceNames: [eagle-ford-worker, eagle-ford-ot-worker]" in looked_at


def test_preflight_looks_for_each_role_of_the_workers(carried: Composition) -> None:
    wanted = {path for path in wanted_paths(carried.site) if "/roles/" in path}
    made = {
        f"{entry.inputs['backend']}/roles/{entry.inputs['name']}" for entry in carried.of("SecretBackendRole")
    }
    assert wanted == made


def test_what_preflight_asks_the_platform_for_is_what_is_made(carried: Composition) -> None:
    made = {
        (entry.inputs["apiVersion"], entry.inputs["kind"])
        for entry in carried.resources
        if entry.type.startswith("kubernetes:")
    }
    assert {(api.api_version, api.kind) for api in needed_apis(carried.site)} == made
