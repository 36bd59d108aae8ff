"""Signed notes, checkpoints and log proofs against C2SP's formats and the reference implementation's own cases."""

import pytest

from privacy.canonical import from_base64
from privacy.checkpoint import Checkpoint, LogProof, open_checkpoint, sign_checkpoint, verify_log_proof
from privacy.keys import SignatureError, SigningKey, read_verifier
from privacy.merkle import inclusion_proof, root
from privacy.note import NoteError, open_note, sign_note, split_note

TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH = (
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
KEYS = dict(
    map(
        read_verifier,
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop",
        ),
    )
)
SIGNER = SigningKey.from_seed(from_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:])

SPEC_CHECKPOINT = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501


def opened(note: str, *, name: str = "PeterNeumann") -> str:
    return open_note(note.encode(), name=name, key=KEYS[name])


def test_a_note_is_signed_byte_for_byte_as_the_reference_does() -> None:
    assert sign_note(TEXT, name="PeterNeumann", key=SIGNER).decode() == TEXT + "\n" + PETER


@pytest.mark.parametrize("block", [PETER, PETER + ENOCH, ENOCH + PETER, PETER * 2 + ENOCH * 2])
def test_a_note_opens_whoever_else_signed_it(block: str) -> None:
    assert opened(TEXT + "\n" + block) == TEXT


def test_sixteen_cosignatures_are_no_obstacle() -> None:
    assert opened(TEXT + "\n" + ENOCH * 16 + PETER) == TEXT


def test_both_keys_vouch_for_the_same_note() -> None:
    assert opened(TEXT + "\n" + PETER + ENOCH, name="EnochRoot") == TEXT


@pytest.mark.parametrize(
    "note",
    [
        TEXT + "\n" + ENOCH,
        TEXT.replace("answer", "question") + "\n" + PETER,
        TEXT + "\n" + PETER + PETER[:60] + "ABCD" + PETER[60:],
    ],
    ids=["of another key", "another text", "one good, one bad"],
)  # fmt: skip
def test_a_note_without_good_signature_of_the_key_is_refused(note: str) -> None:
    with pytest.raises(SignatureError):
        opened(note)


@pytest.mark.parametrize(
    "note",
    [
        TEXT, TEXT + "\n", TEXT + "\n" + PETER[:-1], "\x01" + TEXT + "\n" + PETER,
        TEXT + "\n— Bad Name " + PETER.split(" ")[2], TEXT + "\n" + PETER + "Unexpected line.\n",
        TEXT + "\n" + PETER * 101, TEXT + "\n" + PETER.replace("—", "-"), TEXT + "\n" + PETER + "— x AAAA\n",
        "", "\n\n", TEXT + "\n" + PETER + "x" * (1 << 18),
    ],
)  # fmt: skip
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        opened(note)


def test_a_note_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(NoteError):
        open_note(b"\xff" + (TEXT + "\n" + PETER).encode(), name="PeterNeumann", key=KEYS["PeterNeumann"])


@pytest.mark.parametrize(
    ("text", "name"), [("abc", "log"), ("abc\n", "a b"), ("abc\n", "a+b"), ("abc\n", ""), ("\t\n", "log")]
)
def test_what_no_note_can_hold_is_not_signed(text: str, name: str) -> None:
    with pytest.raises(NoteError):
        sign_note(text, name=name, key=SIGNER)


def test_a_text_may_hold_empty_lines() -> None:
    text = "one\n\n\ntwo\n\n"
    assert open_note(sign_note(text, name="log", key=SIGNER), name="log", key=SIGNER.public) == text


def test_the_checkpoint_of_the_specification_is_read_as_its_three_lines() -> None:
    text, ((name, signature),) = split_note(SPEC_CHECKPOINT.encode())
    size, head = 20852163, from_base64("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert Checkpoint("example.com/behind-the-sofa", size, head).text == text
    assert name == "example.com/behind-the-sofa"
    assert len(signature) == 4 + 64


@pytest.mark.parametrize(
    "text",
    [
        "log\n1\n", "log\n01\n{root}\n", "log\n-1\n{root}\n", "log\n1\n{root}\nextension\n", "log\n1 \n{root}\n",
        "log\n9223372036854775808\n{root}\n", "log\n1\nAAAA\n", "log\n1\n{root} \n", "log\n\uff11\n{root}\n", "log\n",
        "log\n1\n{root}\n\n",
    ],
)  # fmt: skip
def test_a_signed_note_that_is_no_checkpoint_is_refused(text: str) -> None:
    note = sign_note(text.format(root="A" * 43 + "="), name="log", key=SIGNER)
    with pytest.raises(NoteError):
        open_checkpoint(note, SIGNER.public)


def test_a_log_proof_is_spelled_as_the_specification_says() -> None:
    leaves = [b"a", b"b", b"c"]
    note = sign_checkpoint(Checkpoint("log", 3, root(leaves)), SIGNER)
    data = LogProof(1, inclusion_proof(1, leaves), note, b"age").encode()
    header, extra, index, sibling, uncle, blank, rest = data.decode().split("\n", 6)
    assert (header, extra, index, blank) == ("c2sp.org/tlog-proof@v1", "extra YWdl", "index 1", "")
    assert tuple(map(from_base64, (sibling, uncle))) == inclusion_proof(1, leaves)
    assert rest.encode() == note
    assert LogProof.decode(data).extra == b"age"
    assert verify_log_proof(data, b"b", SIGNER.public).size == 3


def test_the_only_entry_needs_no_hashes() -> None:
    note = sign_checkpoint(Checkpoint("log", 1, root([b"a"])), SIGNER)
    data = LogProof(0, (), note).encode()
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + note
    assert verify_log_proof(data, b"a", SIGNER.public) == Checkpoint("log", 1, root([b"a"]))
