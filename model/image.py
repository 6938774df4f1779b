"""Container images, as the site's own registry names them."""

from pydantic import Field

from model.base import Digest, Part, Repository, Tag


class Image(Part):
    """A container image; the digest, where given, decides."""

    repository: Repository = Field(description="Repository without tag, as the site's own registry names it.")
    tag: Tag | None = Field(
        None, description="Tag; the software's version when left out (then one must be known)."
    )
    digest: Digest | None = Field(None, description="Digest (`sha256:…`); it decides where it is given.")

    def reference(self, version: str | None = None) -> str:
        """Return the whole reference `repository[:tag][@digest]`; the tag falls back to `version`."""
        tag = self.tag or version
        return self.repository + (f":{tag}" if tag else "") + (f"@{self.digest}" if self.digest else "")
