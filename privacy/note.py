"""Signed notes: a text and, below it, who signed it.

Signatures of other keys, such as witnesses' cosignatures, may stand beside the one asked for and are passed over.

Source: c2sp.org/signed-note.
"""

from typing import ClassVar

from privacy.canonical import CanonicalError, from_base64, to_base64
from privacy.errors import PrivacyError
from privacy.keys import SignatureError, SigningKey, VerifyKey, is_name

MOST_BYTES = 1 << 18
"""The longest note, or file around a note, that is read at all."""

MOST_SIGNATURES = 100
"""The most signatures a note may carry."""

_DASH = "— "


class NoteError(PrivacyError):
    """The bytes are no signed note, checkpoint or log proof: nothing in them was believed."""

    code: ClassVar[str] = "note_refused"


def sign_note(text: str, *, name: str, key: SigningKey) -> bytes:
    """Sign a text under a name.

    Raises:
        NoteError: the text does not end a line, or text or name hold what a note cannot.
    """
    if not is_name(name) or not text.endswith("\n") or not _printable(text):
        raise NoteError("a note needs a plain name and a text of whole lines without control characters")
    signature = key.public.note_id(name) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {to_base64(signature)}\n".encode()


def open_note(data: bytes, *, name: str, key: VerifyKey) -> str:
    """Return a note's text if this key signed it under this name.

    Raises:
        NoteError: the bytes are no note.
        SignatureError: no signature of the key is there, or one of them is wrong.
    """
    text, signatures = split_note(data)
    signer = name, key.note_id(name)
    ours = [signature for named, signature in signatures if (named, signature[:4]) == signer]
    if not ours:
        raise SignatureError("the note carries no signature of the pinned key")
    for signature in ours:
        key.verify(text.encode(), signature[4:])
    return text


def split_note(data: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """Split a note into its text and (name, id + signature) pairs, believing nothing yet.

    Raises:
        NoteError: the bytes are no note.
    """
    whole = read_text(data)
    text, gap, block = whole.rpartition("\n\n")
    lines = block.split("\n")
    if not gap or lines.pop() or not 1 <= len(lines) <= MOST_SIGNATURES:
        raise NoteError("a note is a text, an empty line, and signature lines")
    return text + "\n", [_read_signature(line) for line in lines]


def _read_signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    signature = read_bytes(encoded)
    if not line.startswith(_DASH) or not space or not is_name(name) or len(signature) < 5:
        raise NoteError("a signature line reads: em dash, name, base64 of id and signature")
    return name, signature


def read_text(data: bytes) -> str:
    """Read bytes as the only text notes are made of: short UTF-8 without control characters but newline.

    Raises:
        NoteError: they are something else.
    """
    if len(data) > MOST_BYTES:
        raise NoteError(f"notes and proofs are not longer than {MOST_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        raise NoteError("the bytes are not UTF-8") from problem
    if not _printable(text):
        raise NoteError("a control character stands in the text")
    return text


def _printable(text: str) -> bool:
    return not any(character < " " and character != "\n" for character in text)


def read_bytes(encoded: str) -> bytes:
    """Read a hash or signature from its base64.

    Raises:
        NoteError: it has another spelling.
    """
    try:
        return from_base64(encoded)
    except CanonicalError as problem:
        raise NoteError("a hash or signature is not in base64") from problem
