"""The entry point of `sitectl`: finds the verb that was asked for and loads only that verb's module."""

import importlib

import click

# Verb -> module that holds a click command named `command`, and its line in the help.
VERBS: dict[str, tuple[str, str]] = {
    "lab": ("sitectl.lab", "Start, stop and look at the embedded lab."),
    "preflight": ("sitectl.preflight", "Check, before anything is touched, that a site can be deployed."),
    "rights": ("sitectl.rights", "Print what an identity needs on a server, for its administrator."),
    "validate": ("sitectl.validate", "Check the site files: every error at once."),
    "rules": ("sitectl.rules", "Check after `pulumi up` that Prometheus evaluates a site's rules."),
    "explain": ("sitectl.explain", "Name the file and line that set each value of a site."),
    "render": ("sitectl.render", "Write everything that a site would get, with no server at hand."),
    "capacity": ("sitectl.capacity", "Show what a site's broker carries, and when to add to it."),
    "recover": ("sitectl.recover", "Mend a site's stack after a deployment that was killed."),
    "destroy": ("sitectl.destroy", "Take a whole site away, also a protected one."),
    "sites": ("sitectl.sites", "List the sites: kind, phase and days in it, edition, service level."),
    "promote": ("sitectl.promote", "Take a site to its next phase, when every gate passes."),
    "rollback": ("sitectl.rollback", "Take a site back one phase, inside the rollback window."),
    "retire": ("sitectl.retire", "End the incumbent broker's time by a recorded change."),
    "history": ("sitectl.history", "Tell what has happened to a site's phase, and why that was allowed."),
    "signers": ("sitectl.signers", "Show, add and refresh those whose signatures count."),
    "sign": ("sitectl.sign", "Sign a report that a promotion rests on."),
    "approve": ("sitectl.approve", "Approve a site's last record with your own signature."),
    "new": ("sitectl.new", "Write the file of a new site."),
}


class LazyVerbs(click.Group):
    """A click group that imports a verb's module only when that verb runs: `--help` stays fast."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return every verb's name, in the order of the table above."""
        return list(VERBS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Return the verb's click command, or None when there is no such verb."""
        if name not in VERBS:
            return None
        command = importlib.import_module(VERBS[name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101 - a verb module without one is a bug, not input
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.command(cls=LazyVerbs)
@click.version_option(package_name="iot-broker-kit")
def main() -> None:
    """The IoT broker kit's command for what `pulumi` itself does not do."""
