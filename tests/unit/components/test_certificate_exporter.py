"""The exporter has no right that it does not need, and looks at each server of whose certificate no series tells."""

import re
from pathlib import Path

from components.certificate_exporter import watched
from components.recording import Composition
from tests.support.composing import compose
from tests.support.variants import sites_with_worker


def pod(composition: Composition) -> dict[str, object]:
    found: dict[str, object] = composition.one("Deployment", "certificate-exporter").spec["template"]["spec"]
    return found


def test_it_has_no_login_anywhere(composition: Composition) -> None:
    account = composition.one("ServiceAccount", "certificate-exporter")
    assert account.inputs["automountServiceAccountToken"] is False
    spec = pod(composition)
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == (
        "certificate-exporter",
        False,
    )
    secrets = re.findall(r"'secretName': '([^']+)'", str(spec)) + re.findall(r"secretKeyRef", str(spec))
    # The key of its own listener, and no other.
    assert secrets == ["certificate-exporter-tls"]
    for binding in (*composition.of("RoleBinding"), *composition.of("ClusterRoleBinding")):
        assert "certificate-exporter" not in str(binding.inputs["subjects"])


def test_it_runs_without_any_privilege(composition: Composition) -> None:
    spec = pod(composition)
    assert "'runAsNonRoot': True" in str(spec["securityContext"])
    (container,) = composition.one("Deployment", "certificate-exporter").spec["template"]["spec"][
        "containers"
    ]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_every_server_certificate_of_the_site_is_watched(composition: Composition) -> None:
    """But the broker's, which EMQX tells of itself, and its own, without which Prometheus does not read it."""
    assert_watched(composition)
    assert "kafka-worker" not in watched(composition.site)


def test_so_is_that_of_the_workers_figures(tmp_path: Path) -> None:
    for beside in (True, False):
        for site in sites_with_worker(tmp_path, "pilot", beside=beside):
            assert_watched(compose(site))
            assert watched(site)["kafka-worker"] == f"kafka-worker.{site.namespace}.svc:9444"


def assert_watched(composition: Composition) -> None:
    servers = {
        made.metadata["name"].removesuffix("-tls")
        for made in composition.of("Certificate")
        if "server auth" in made.spec["usages"]
    }
    assert set(watched(composition.site)) == servers - {"broker", "certificate-exporter"}


def test_it_is_started_anew_when_its_program_changes(composition: Composition) -> None:
    template = composition.one("Deployment", "certificate-exporter").spec["template"]
    assert re.fullmatch(r"[0-9a-f]{64}", template["metadata"]["annotations"]["iot-broker/settings"])
