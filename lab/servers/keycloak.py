"""Keycloak with its real database file, TLS alone, and an administrator that is its own."""

from pathlib import Path
from urllib.parse import urlencode

from lab.files import secret, write_if_changed
from lab.servers.base import Lab, Server
from lab.servers.http import Client
from lab.servers.java import shared_classes, virtual_machine
from lab.supervision import Launch

ADMINISTRATOR = "lab-admin"
ADMINISTRATORS_CLIENT = "admin-cli"
DEPLOYER = "iot-deployer"
# Parts of the distribution that the server only reads; the rest of its home belongs to one lab.
SHARED = ("bin", "lib", "providers", "themes", "version.txt")
OPENED = (
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.security",
    "java.base/java.lang",
)


def password_file(lab: Lab) -> Path:
    """Return the file of the administrator's password."""
    return lab.state / "keycloak" / "password"


def vault_folder(lab: Lab) -> Path:
    """Return the folder of what realms refer to as `${vault.NAME}`: files `<realm>_<NAME>`."""
    return lab.folder("keycloak") / "vault"


def secret_file(lab: Lab, client: str = DEPLOYER) -> Path:
    """Return the file of the secret of a client of realm `master`, by default of the deployer's."""
    return lab.state / "keycloak" / f"{client}-secret"


def administrator(lab: Lab) -> Client:
    """Return a client of Keycloak's administration, signed in as who may do everything; for some seconds."""
    form = {
        "grant_type": "password",
        "client_id": ADMINISTRATORS_CLIENT,
        "username": ADMINISTRATOR,
        "password": password_file(lab).read_text(),
    }
    anonymous = Client(lab.url("keycloak"), lab.authority.certificate)
    token = anonymous.must(
        "POST",
        "/realms/master/protocol/openid-connect/token",
        urlencode(form),
        "application/x-www-form-urlencoded",
    )["access_token"]
    return Client(
        lab.url("keycloak"), lab.authority.certificate, headers={"Authorization": f"Bearer {token}"}
    )


class Keycloak(Server):
    """Keycloak, started from the build that the tool cache holds."""

    name = "keycloak"
    ports = ("keycloak", "keycloak-management")
    tools = ("keycloak", "java")
    start_seconds = 180.0
    # Long enough for the archive of classes, which the first stop writes.
    stop_seconds = 90.0

    def launch(self, lab: Lab) -> Launch:
        """Make a home of this lab's own (settings, database) over the shared program, and start Java itself.

        Keycloak's own script would stay between as a parent that has nothing to do.
        """
        home = lab.folder("keycloak") / "home"
        (home / "conf").mkdir(parents=True, exist_ok=True)
        _share(lab.tools["keycloak"], home)
        settings = write_if_changed(home / "conf" / "keycloak.conf", self._settings(lab))
        password = secret(password_file(lab))
        environment: dict[str, str] = {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR}
        environment["KC_BOOTSTRAP_ADMIN_PASSWORD"] = password
        command = (
            *virtual_machine(lab.tools["java"], "256m"),
            *shared_classes(lab.folder("keycloak") / "classes.jsa", made_here=True),
            "--enable-native-access=ALL-UNNAMED",
            f"-Dkc.home.dir={home}",
            f"-Djboss.server.config.dir={home / 'conf'}",
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
            "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
            "-Dquarkus-log-max-startup-records=10000",
            "-Duser.language=en",
            "-Duser.country=US",
            *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED),
            "-cp",
            str(lab.tools["keycloak"] / "lib" / "quarkus-run.jar"),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start",
            "--optimized",
        )
        return Launch(command, home, environment, frozenset(environment), (settings,))

    def is_ready(self, lab: Lab) -> bool:
        """Ask Keycloak's own health page, which looks at the database too."""
        management = Client(lab.url("keycloak-management"), lab.authority.certificate)
        return management.answers("/health/ready")

    def version(self, lab: Lab) -> str:
        """Return the version of the distribution that runs; Keycloak tells it to nobody who is not signed in."""
        text = (lab.state / "keycloak" / "home" / "version.txt").read_text()
        return text.strip().rpartition(" ")[2]

    def _settings(self, lab: Lab) -> str:
        pair = lab.authority.server("keycloak")
        kept = vault_folder(lab)
        kept.mkdir(mode=0o700, exist_ok=True)
        settings: dict[str, object] = {
            "http-enabled": "false",
            "http-host": "127.0.0.1",
            "https-port": lab.ports["keycloak"],
            "https-certificate-file": pair.certificate,
            "https-certificate-key-file": pair.key,
            "http-management-port": lab.ports["keycloak-management"],
            "http-management-host": "127.0.0.1",
            "hostname": lab.url("keycloak"),
            "hostname-strict": "false",
            "http-pool-max-threads": 16,
            "vault-dir": kept,
            # Servers that it asks itself, mail among them, have certificates of the lab's authority.
            "truststore-paths": lab.authority.certificate,
            # Alone: a clustered cache would look for others on every network of the machine.
            "cache": "local",
            "db-pool-initial-size": 1,
            "db-pool-min-size": 1,
            "db-pool-max-size": 10,
            "log-level": "warn",
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def _share(distribution: Path, home: Path) -> None:
    """Point the home at the distribution's program, anew when the distribution is another one."""
    for name in SHARED:
        link = home / name
        if link.is_symlink() and link.readlink() == distribution / name:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(distribution / name)
