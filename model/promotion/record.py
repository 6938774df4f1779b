"""The record of one change of phase: what it was, what it rested on, and who answers for it."""

from typing import Annotated, Literal

from pydantic import Field

from model.base import Base64, Commit, Digest, Label, Part, Pem, Sentence, Text
from model.calendar import Moment
from model.rollout import IncumbentState, Phase, Role

Kind = Literal["promotion", "rollback", "retirement"]
RECORD_FORMAT: Literal["iot-broker/promotion/1"] = "iot-broker/promotion/1"
APPROVALS_FORMAT: Literal["iot-broker/approvals/2"] = "iot-broker/approvals/2"
APPROVAL_FORMAT: Literal["iot-broker/approval/2"] = "iot-broker/approval/2"
"""What one person signs: one entry of the approvals, with the site and the record that it is for."""
FORMER_APPROVALS: Literal["iot-broker/approvals/1"] = "iot-broker/approvals/1"
"""The format in which one key signed for everybody; it counts for what was merged before `former_rules_until`."""
NOTHING_BEFORE: Literal["none"] = "none"
"""What the first record of a site says of the record before it."""


class Signature(Part):
    """Who vouches for the content: a name in `signers.yaml`, and the proof."""

    signer: Label = Field(description="Name of the signer in `stacks/promotions/signers.yaml`.")
    method: Literal["transit", "keyless"] = Field(
        description="`transit`: a key in Vault; `keyless`: a key of minutes with a certificate of Vault's."
    )
    key_version: int | None = Field(default=None, ge=1, description="Version of the transit key.")
    certificate: Pem | None = Field(default=None, description="Keyless: the certificate, and those above it.")
    made_at: Moment = Field(description="When it was signed.")
    value: Base64 = Field(description="The signature over format, content and time.")


class Signed(Part):
    """What every signed file has."""

    format: str
    content: Digest = Field(description="SHA-256 of everything but itself and the signature.")
    signature: Signature = Field(description="Who vouches for it.")


class GateResult(Part):
    """What one gate found."""

    gate: Label = Field(description="Name of the gate.")
    passed: bool = Field(description="Whether it let the change pass.")
    figure: Sentence = Field(description="What was found.")
    threshold: Sentence = Field(description="What it was held against.")
    source: Sentence = Field(description="Where the figure comes from.")
    window: Sentence = Field(description="The time that was looked at.")
    reason: Sentence | None = Field(default=None, description="Why it did not pass.")


class Override(Part):
    """Somebody decided to go on although a gate had not passed."""

    reason: Sentence = Field(description="Why.")
    approver: Text = Field(description="Who decided it: not who made the record.")


class Record(Signed):
    """One change of a site's phase, or the end of its incumbent broker; never changed once it is merged."""

    format: Literal["iot-broker/promotion/1"] = Field(description="Format and version of this file.")
    site: Label = Field(description="The site.")
    sequence: Annotated[int, Field(ge=1, le=9999)] = Field(
        description="Its place in the site's records; from 1."
    )
    kind: Kind = Field(description="A promotion, a rollback, or the incumbent's retirement.")
    leaves: Phase = Field(description="The phase before.")
    enters: Phase = Field(description="The phase after; the same for a retirement.")
    incumbent: IncumbentState = Field(description="The incumbent's state after it.")
    made_by: Text = Field(description="Who made it.")
    made_at: Moment = Field(description="When.")
    commit: Commit = Field(description="The commit that it was made from.")
    previous: Digest | Literal["none"] = Field(description="`content` of the record before; `none` at first.")
    site_file: Digest = Field(description="SHA-256 of the site's file with this change in it.")
    gates: tuple[GateResult, ...] = Field(default=(), description="What each gate found.")
    override: Override | None = Field(
        default=None, description="A decision to continue although a gate had not passed."
    )

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.sequence:04}-{self.enters}.yaml"


class Approval(Part):
    """One person's yes to one record, signed by that person."""

    name: Label = Field(description="Who: a name in `stacks/promotions/approvers.yaml`.")
    role: Role = Field(description="What they answer for.")
    made_at: Moment = Field(description="When.")
    source: Sentence = Field(description="Where it was given: the change request, or the command.")
    signature: Signature = Field(description="Their own signature.")


class Approvals(Part):
    """Who has approved a record; written beside it, entry by entry, by each who approves."""

    format: Literal["iot-broker/approvals/2"] = Field(description="Format and version of this file.")
    site: Label = Field(description="The site.")
    record: Digest = Field(description="`content` of the record that was approved.")
    approvals: tuple[Approval, ...] = Field(min_length=1, description="The approvals; keyed by name.")


class FormerApproval(Part):
    """One person's yes to one record, by the word of a pipeline."""

    name: Label
    role: Role
    made_at: Moment
    source: Sentence


class FormerApprovals(Signed):
    """Who had approved a record by the word of a pipeline, which signed for all."""

    format: Literal["iot-broker/approvals/1"]
    site: Label
    record: Digest
    author: Text
    approvals: tuple[FormerApproval, ...] = Field(min_length=1)


class Approver(Part):
    """Somebody who may approve a change of phase."""

    name: Label = Field(description="Short name.")
    title: Text = Field(description="Name for people.")
    role: Role = Field(description="What they answer for.")
    accounts: tuple[Text, ...] = Field(description="Names that the forge and git know them by.")
    sites: tuple[Label, ...] | None = Field(default=None, description="Sites; all of them when left out.")
    signer: Label | None = Field(
        default=None,
        description="The signer in `signers.yaml` by which they sign: a key of their own, or the authority that "
        "certifies their name. Without one they cannot approve.",
    )
    identity: Text | None = Field(
        default=None,
        description="Keyless: the name that Vault certifies for their login, exactly. Left out for a key of their own.",
    )


class Approvers(Part):
    """Who may approve changes of phase, and how many must."""

    format: Literal["iot-broker/approvers/1"] = Field(description="Format and version of this file.")
    needed: Annotated[int, Field(ge=1, le=10)] = Field(description="How many must have approved.")
    roles: tuple[Role, ...] = Field(min_length=1, description="Roles whose approval counts.")
    former_rules_until: Moment | None = Field(
        default=None,
        description="Records that the protected branch had by then count as the rules of that time judged them.",
    )
    approvers: tuple[Approver, ...] = Field(default=(), description="The people; keyed by name.")

    def named(self, name: str) -> Approver | None:
        """Return the person of a name, or None."""
        return next((person for person in self.approvers if person.name == name), None)
