"""What `--json` prints of a failure; `python -m sitectl.failure` writes `docs/reference/error.schema.json` anew."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "reference" / "error.schema.json"


class Mistake(BaseModel):
    """One mistake in the site data."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field(description="File, relative to the current folder where it lies below it.")
    line: int | None = Field(description="Line, where the mistake has one.")
    key: str = Field(description="Key, like `broker.replicas`; empty for the file as a whole.")
    problem: str = Field(description="What is wrong.")
    remedy: str = Field(description="What would be right.")


class Failure(BaseModel):
    """Why a verb failed."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(description="The words that a person is shown.")
    exit_code: int = Field(
        description="The exit code: 1 for no, 2 for a wrong call, 70 for a fault of the kit."
    )
    mistakes: list[Mistake] = Field(
        description="The mistakes in the site data, one by one; empty for others."
    )


class ErrorDocument(BaseModel):
    """What stands on stdout when a verb with `--json` fails before it has an answer of its own."""

    model_config = ConfigDict(extra="forbid")

    error: Failure


def schema() -> str:
    """Return the JSON Schema of the document as text."""
    return json.dumps(ErrorDocument.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema(), encoding="utf-8")
