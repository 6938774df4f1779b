"""Looks whether what exists is still what was deployed, and opens one change request that tells what is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.additions import additions
from pipelines.markdown import block, inline, step_line
from pipelines.stack import Plan, PulumiError, Stack, counted
from sitectl.checks.kubectl import KubectlFailed

BRANCH = "drift"
FILE = Path("docs") / "drift.md"
ADDED_REMEDY = "give a label of it another value, then `pulumi up --refresh` (docs/real-site.md)"


@dataclass(frozen=True)
class Drift:
    """What was found at one site, or of its bootstrap: its plan after a refresh, or why it could not be looked at."""

    site: str
    plan: Plan | None
    problem: str = ""
    unseen: tuple[str, ...] = ()
    """What is not as it was made, and no refresh sees."""

    @property
    def found(self) -> bool:
        """Whether something is not as it was deployed, or cannot be known."""
        return self.plan is None or bool(self.plan.steps) or bool(self.unseen)


def look(root: Path, sites: Iterable[str]) -> list[Drift]:
    """Compare each site's servers with what was deployed; never raises for one site's sake."""
    found = []
    for site in sites:
        stack = Stack(root, site)
        try:
            found.append(Drift(site, stack.plan(), unseen=_unseen(stack)))
            # One that lies in another back end is its administrator's to look at.
            if stack.bootstrap.exists():
                found.append(Drift(f"{site} (bootstrap)", stack.bootstrap.plan()))
        except PulumiError as error:
            found.append(Drift(site, None, str(error)))
    return found


def text(found: Iterable[Drift]) -> str:
    """Return the report as Markdown; the same drift gives the same bytes."""
    lines = [
        "# Drift",
        "",
        "What exists differs from what was deployed. The next deployment of a site puts it right; look first at who",
        "changed it, and whether the change belongs into the site's data.",
        "",
    ]
    for drift in found:
        if not drift.found:
            continue
        lines += [f"## {inline(drift.site)}", ""]
        if drift.plan is None:
            lines += ["It could not be looked at:", "", block(drift.problem), ""]
            continue
        lines += [f"{counted(drift.plan)}", ""]
        lines += [f"- {step_line(step)}" for step in drift.plan.steps]
        lines += [f"- {inline(line)}" for line in drift.unseen]
        lines.append("")
    return "\n".join(lines)


def _unseen(stack: Stack) -> tuple[str, ...]:
    """Return what no refresh sees: what a hand added in Kubernetes, and edits of two clients of Keycloak's own."""
    from components.settings import SettingsErrors
    from model import SiteErrors, load_site
    from sitectl.checks.keycloak import look_at_clients
    from sitectl.settings import SettingsFileError, load_settings

    try:
        settings = load_settings(stack.root, stack.site)
        site = load_site(stack.root / "stacks", stack.site)
        found = look_at_clients(site, settings.keycloak_url, settings.keycloak_ca)
    except (SettingsErrors, SettingsFileError, SiteErrors) as error:
        return (str(error),)
    clients = () if found.passed else (f"{found.what}: {found.detail}: {found.remedy}",)
    return (*_added(stack, settings.kubernetes_context), *clients)


def _added(stack: Stack, context: str) -> tuple[str, ...]:
    try:
        return tuple(f"{line}: {ADDED_REMEDY}" for line in additions(stack, context))
    except KubectlFailed as error:
        return (f"what was added in Kubernetes is not known: {error}",)
    except FileNotFoundError:
        return ("what was added in Kubernetes is not known: there is no `kubectl` on the PATH",)
