"""Who asked for changes at a forge, as signed data: what asks no forge, `validate` and `up`, judges by it."""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from model.base import Digest, Label, Text
from model.calendar import Moment
from model.datafile import content_of
from model.promotion.branch import SKEW, Judge, Trust
from model.promotion.judge import refused
from model.promotion.record import Record, Signed

OBJECTIONS_FORMAT: Literal["iot-broker/objections/1"] = "iot-broker/objections/1"
ASKED = "changes asked for by"


class Objections(Signed):
    """Who asks for changes of the change request that brought a record; empty once all have taken it back."""

    format: Literal["iot-broker/objections/1"] = Field(description="Format and version of this note.")
    site: Label = Field(description="The site.")
    record: Digest = Field(description="`content` of the record.")
    people: Annotated[tuple[Text, ...], Field(max_length=100)] = Field(description="Their accounts.")
    address: Text = Field(description="Where the change request is.")
    made_by: Text = Field(description="The pipeline.")
    made_at: Moment = Field(description="When the forge was asked.")


def standing_objection(record: Record, judge: Judge, trusts: tuple[Trust, ...]) -> str:
    """Return who still asks for changes, in words; empty when no one is known to.

    The latest note counts that a signer of reviews has signed: another's word holds up no deployment.
    """
    notes = judge.branch.objections() if judge.branch is not None else ()
    known = [note for note in _of(record, notes) if _counts(note, record, judge, trusts)]
    if not known:
        return ""
    last = max(known, key=lambda note: note.made_at.at)
    return f"{ASKED} {', '.join(last.people)} at {last.address}" if last.people else ""


def _of(record: Record, notes: Iterable[bytes]) -> Iterator[Objections]:
    for note in notes:
        try:
            data = json.loads(note)
            found = Objections.model_validate(_as_tuples(data))
        except (ValueError, ValidationError):
            continue  # a note of another kind
        if (found.site, found.record, found.content) == (record.site, record.content, content_of(data)):
            yield found


def _counts(note: Objections, record: Record, judge: Judge, trusts: tuple[Trust, ...]) -> bool:
    moment = note.made_at.at
    timely = moment >= record.made_at.at - SKEW and (judge.now is None or moment <= judge.now + SKEW)
    return timely and not refused(trusts, "review", note.format, note.content, note.signature, judge.now)


def _as_tuples(data: object) -> object:
    if isinstance(data, dict) and isinstance(data.get("people"), list):
        return {**data, "people": tuple(data["people"])}
    return data
