"""Finds and reads a stack's settings as `pulumi` would, for the verbs that ask a site's servers themselves."""

import os
from pathlib import Path

import yaml

from components.settings import Settings

PREFIX = "iot-broker:"


class SettingsFileError(Exception):
    """The file of the settings cannot be used: which file, what is wrong with it, and what would be right."""

    def __init__(self, file: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {problem}\n    {remedy}")
        self.file = file
        self.problem = problem
        self.remedy = remedy


def load_settings(root: Path, site: str) -> Settings:
    """Read the settings of the stack `site` from the file that `pulumi` would read.

    Raises `SettingsFileError` or `components.settings.SettingsErrors`.
    """
    return Settings.read(
        {
            key.removeprefix(PREFIX): str(value)
            for key, value in read_settings_file(settings_file(root, site)).items()
        }
    )


def settings_file(root: Path, site: str) -> Path:
    """Return the file that holds the stack's settings: the one PULUMI_OPTION_CONFIG_FILE names, or the site's own."""
    named = os.environ.get("PULUMI_OPTION_CONFIG_FILE")
    return Path(named) if named else root / "stacks" / f"Pulumi.{site}.yaml"


def read_settings_file(file: Path) -> dict[str, object]:
    """Return the kit's own settings in a file, by key; raises `SettingsFileError`."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = 'write it (docs/real-site.md shows one), or open the lab\'s shell: eval "$(sitectl lab env)"'
        raise SettingsFileError(file, "there is no such file", remedy) from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise SettingsFileError(file, f"cannot be read: {reason}", "make it a readable file") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsFileError(file, f"cannot be read: {error}", "mend the file") from error
    config = document.get("config") if isinstance(document, dict) else None
    return {
        key: value
        for key, value in (config if isinstance(config, dict) else {}).items()
        if isinstance(key, str) and key.startswith(PREFIX) and isinstance(value, str)
    }
