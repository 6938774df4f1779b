"""The Kubernetes control plane: etcd, the API server, the controllers, the scheduler, and kwok's simulated nodes."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from lab.certificates import KeyPair
from lab.files import write_if_changed
from lab.servers.base import Lab, Server, listing
from lab.servers.http import Client, UnreachableError
from lab.supervision import Launch

CONTEXT = "lab"
ADMINISTRATOR = "kubernetes-admin"
DEPLOYER = "iot-deployer"
SERVICE_ADDRESS = "10.0.0.1"  # the first of the API server's default service range
MANIFESTS = Path(__file__).parent / "manifests"


def kubeconfig(lab: Lab) -> Path:
    """Return the administrator's kubeconfig, whose only context is `lab`."""
    return lab.state / "kubernetes" / "admin.kubeconfig"


def deployer_kubeconfig(lab: Lab) -> Path:
    """Return the kubeconfig of who deploys the sites, whose only context is `lab` too."""
    return lab.state / "kubernetes" / "deployer.kubeconfig"


def write_deployer(lab: Lab, sites: Iterable[str]) -> Path:
    """Write the deployer's kubeconfig: one login for all sites of the lab, in the group of each one's deployers."""
    groups = [f"iot-{site}-deployers" for site in sorted(sites)]
    # A certificate says its groups: with another site it is another certificate.
    mark = hashlib.sha256(" ".join(groups).encode()).hexdigest()[:8]
    identity = lab.authority.client(f"{DEPLOYER}-{mark}", DEPLOYER, *groups)
    return write_kubeconfig(lab, deployer_kubeconfig(lab), identity)


def administrator(lab: Lab) -> Client:
    """Return a client of the API server with the administrator's certificate."""
    identity = lab.authority.client(ADMINISTRATOR, ADMINISTRATOR, "system:masters")
    return Client(lab.url("kube-apiserver"), lab.authority.certificate, identity)


class Etcd(Server):
    """The API server's store; only certificates of the lab's authority may talk to it."""

    name = "etcd"
    ports = ("etcd", "etcd-peer")
    tools = ("kubernetes",)

    def launch(self, lab: Lab) -> Launch:
        """Start a cluster of one; the lab can be built again, so a write need not wait for the disk."""
        pair = lab.authority.server("etcd")
        folder = lab.folder("etcd")
        client, peer = lab.url("etcd"), lab.url("etcd-peer")
        authority = lab.authority.certificate
        command = listing(
            str(lab.tools["kubernetes"] / "etcd"),
            name="lab",
            data_dir=folder / "data",
            listen_client_urls=client,
            advertise_client_urls=client,
            listen_peer_urls=peer,
            initial_advertise_peer_urls=peer,
            initial_cluster=f"lab={peer}",
            cert_file=pair.certificate,
            key_file=pair.key,
            trusted_ca_file=authority,
            client_cert_auth=True,
            peer_cert_file=pair.certificate,
            peer_key_file=pair.key,
            peer_trusted_ca_file=authority,
            peer_client_cert_auth=True,
            unsafe_no_fsync=True,
            auto_compaction_retention="10m",
            snapshot_count=10000,
            log_level="warn",
        )
        return Launch(command, folder, {"GOGC": "50"})

    def is_ready(self, lab: Lab) -> bool:
        """Ask etcd's own health page, which commits a proposal."""
        return self._client(lab).answers("/health")

    def version(self, lab: Lab) -> str:
        """Return etcd's own version."""
        return str(self._client(lab).must("GET", "/version")["etcdserver"])

    def _client(self, lab: Lab) -> Client:
        pair = lab.authority.client("kube-apiserver-etcd", "kube-apiserver")
        return Client(lab.url("etcd"), lab.authority.certificate, pair)


class ApiServer(Server):
    """The Kubernetes API server: RBAC, no anonymous requests, client certificates of the lab's authority."""

    name = "kube-apiserver"
    needs = ("etcd",)
    ports = ("kube-apiserver",)
    tools = ("kubernetes", "crds")
    # It would wait for its clients' watches to end; what it was told is in etcd.
    stop_seconds = 5.0

    def launch(self, lab: Lab) -> Launch:
        """Start it on loopback with the lab's certificates, and write the administrator's kubeconfig."""
        folder = lab.folder("kubernetes")
        names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
        pair = lab.authority.server("kube-apiserver", names, (SERVICE_ADDRESS,))
        store = lab.authority.client("kube-apiserver-etcd", "kube-apiserver")
        accounts = _service_account_keys(lab)
        write_kubeconfig(
            lab, kubeconfig(lab), lab.authority.client(ADMINISTRATOR, ADMINISTRATOR, "system:masters")
        )
        authority = lab.authority.certificate
        command = listing(
            str(lab.tools["kubernetes"] / "kube-apiserver"),
            bind_address="127.0.0.1",
            advertise_address="127.0.0.1",
            secure_port=lab.ports["kube-apiserver"],
            endpoint_reconciler_type="none",
            # A kubelet is asked at its address: a simulated node's name is in no name service.
            kubelet_preferred_address_types="InternalIP",
            anonymous_auth=False,
            authorization_mode="Node,RBAC",
            client_ca_file=authority,
            tls_cert_file=pair.certificate,
            tls_private_key_file=pair.key,
            etcd_servers=lab.url("etcd"),
            etcd_cafile=authority,
            etcd_certfile=store.certificate,
            etcd_keyfile=store.key,
            # Nobody has a certificate of this name: the aggregation that it is for is not used.
            requestheader_client_ca_file=authority,
            requestheader_allowed_names="aggregator",
            requestheader_username_headers="X-Remote-User",
            requestheader_group_headers="X-Remote-Group",
            requestheader_extra_headers_prefix="X-Remote-Extra-",
            service_account_issuer="https://kubernetes.default.svc.cluster.local",
            service_account_key_file=accounts.certificate,
            service_account_signing_key_file=accounts.key,
            service_cluster_ip_range="10.0.0.0/16",
            allow_privileged=True,
            profiling=False,
            cert_dir=folder,
        )
        return Launch(command, folder, {"GOMEMLIMIT": "750MiB", "GOGC": "100"})

    def is_alive(self, lab: Lab) -> bool:
        """Ask the API server's own readiness page."""
        return administrator(lab).answers("/readyz")

    def is_ready(self, lab: Lab) -> bool:
        """Say whether it answers and holds what the core platform would have installed."""
        from lab.servers.cluster_objects import is_complete

        return self.is_alive(lab) and is_complete(lab)

    def settle(self, lab: Lab) -> None:
        """Install the platform's API definitions and objects where they are missing or of an older kit."""
        from lab.servers.cluster_objects import install

        install(lab)

    def version(self, lab: Lab) -> str:
        """Return the API server's own version."""
        return str(administrator(lab).must("GET", "/version")["gitVersion"])


class _Component(Server):
    """A part of the control plane that works through the API server under its own identity."""

    needs = ("kube-apiserver",)
    tools = ("kubernetes",)
    user: ClassVar[str]

    def identity(self, lab: Lab) -> Path:
        """Return the component's own kubeconfig."""
        pair = lab.authority.client(self.user.replace(":", "-"), self.user)
        return write_kubeconfig(lab, lab.folder("kubernetes") / f"{self.name}.kubeconfig", pair)

    def is_ready(self, lab: Lab) -> bool:
        """Ask the component's own health page."""
        return Client(lab.url(self.name), lab.authority.certificate).answers("/healthz")

    def version(self, lab: Lab) -> str:
        """Return the API server's version: they are one build."""
        return ApiServer().version(lab)

    def serving(self, lab: Lab) -> tuple[str, ...]:
        """Return the options by which the component serves its health page."""
        pair = lab.authority.server(self.name)
        return listing(
            bind_address="127.0.0.1",
            secure_port=lab.ports[self.name],
            tls_cert_file=pair.certificate,
            tls_private_key_file=pair.key,
            leader_elect=False,
            profiling=False,
        )


class ControllerManager(_Component):
    """The controllers: deployments, stateful sets, jobs, garbage collection, service accounts, namespaces."""

    name = "kube-controller-manager"
    ports = ("kube-controller-manager",)
    user = "system:kube-controller-manager"

    def launch(self, lab: Lab) -> Launch:
        """Start it with its plugin folder inside the lab: the default is a system folder."""
        folder = lab.folder("kubernetes")
        own = self.identity(lab)
        command = listing(
            str(lab.tools["kubernetes"] / "kube-controller-manager"),
            *self.serving(lab),
            kubeconfig=own,
            authentication_kubeconfig=own,
            authorization_kubeconfig=own,
            root_ca_file=lab.authority.certificate,
            service_account_private_key_file=_service_account_keys(lab).key,
            use_service_account_credentials=True,
            flex_volume_plugin_dir=folder / "volume-plugins",
            concurrent_namespace_syncs=20,
            # On a busy machine kwok renews a node's lease late; a node that flapped would leave its pods unready.
            node_monitor_grace_period="300s",
        )
        return Launch(command, folder, {"GOMEMLIMIT": "150MiB", "GOGC": "50"})


class Scheduler(_Component):
    """The scheduler: spread over zones, affinities and requests are decided for real."""

    name = "kube-scheduler"
    ports = ("kube-scheduler",)
    user = "system:kube-scheduler"

    def launch(self, lab: Lab) -> Launch:
        """Start it under its own identity."""
        own = self.identity(lab)
        command = listing(
            str(lab.tools["kubernetes"] / "kube-scheduler"),
            *self.serving(lab),
            kubeconfig=own,
            authentication_kubeconfig=own,
            authorization_kubeconfig=own,
        )
        return Launch(command, lab.folder("kubernetes"), {"GOMEMLIMIT": "100MiB", "GOGC": "50"})


class Kwok(_Component):
    """The simulated nodes: it plays kubelet, volume provisioner and load balancer by the stages in `manifests/`."""

    name = "kwok"
    user = "system:kwok"

    def launch(self, lab: Lab) -> Launch:
        """Start it with the lab's stages."""
        command = listing(
            str(lab.tools["kubernetes"] / "kwok"),
            kubeconfig=self.identity(lab),
            config=MANIFESTS / "stages.yaml",
            manage_all_nodes=True,
            cidr="10.244.0.0/16",
            node_lease_duration_seconds=200,
            v="WARN",
        )
        return Launch(command, lab.folder("kubernetes"), {"GOMEMLIMIT": "100MiB", "GOGC": "50"})

    def is_ready(self, lab: Lab) -> bool:
        """Say whether every node says that it is ready and kwok renews its lease."""
        try:
            nodes = administrator(lab).must("GET", "/api/v1/nodes")["items"]
        except UnreachableError:
            return False
        return bool(nodes) and all(_is_ready(node) for node in nodes)

    def address(self, _lab: Lab) -> str:
        """Return nothing: nobody calls kwok."""
        return ""


def write_kubeconfig(lab: Lab, file: Path, identity: KeyPair) -> Path:
    """Write a kubeconfig (mode 0600) with everything inside, so that it can be used from anywhere."""
    return write_if_changed(
        file,
        f"""apiVersion: v1
kind: Config
current-context: {CONTEXT}
clusters:
- name: {CONTEXT}
  cluster:
    server: {lab.url("kube-apiserver")}
    certificate-authority-data: {_base64(lab.authority.certificate)}
contexts:
- name: {CONTEXT}
  context: {{cluster: {CONTEXT}, user: {CONTEXT}, namespace: default}}
users:
- name: {CONTEXT}
  user:
    client-certificate-data: {_base64(identity.certificate)}
    client-key-data: {_base64(identity.key)}
""",
    )


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _service_account_keys(lab: Lab) -> KeyPair:
    """Return the key pair that signs service account tokens (its certificate carries the public key)."""
    return lab.authority.client("service-accounts", "service-accounts")


def _is_ready(node: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
