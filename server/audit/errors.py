"""What the compliance officer's command cannot work with."""

from typing import ClassVar

from server.errors import ServerError


class SourceRefused(ServerError):
    """There is nothing to audit there, or not all of it: name another folder or database, or mend what is named."""

    code: ClassVar[str] = "audit_source_refused"
