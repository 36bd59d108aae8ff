"""The audit is written apart from what it audits: nothing of the ledger's code is loaded, and nothing is imported."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
AUDIT = ROOT / "privacy" / "audit"
ALLOWED = {"privacy.errors", "privacy.audit"}


def ours(source: str) -> set[str]:
    """Return the modules of this repository that a source imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= (
                {f"{node.module}.{name.name}" for name in node.names} if node.level else {node.module or ""}
            )
    roots = ("privacy", "server", "client", "models", "simulations", "tests")
    return {name for name in found if name.split(".")[0] in roots}


def foreign(source: str) -> set[str]:
    return {name for name in ours(source) if name not in ALLOWED and not name.startswith("privacy.audit.")}


def test_no_module_of_the_audit_imports_anything_of_ours_but_the_root_of_the_errors() -> None:
    found = {path.name: foreign(path.read_text()) for path in AUDIT.glob("*.py")}
    assert len(found) > 10
    assert not any(found.values()), found


def test_an_import_of_the_ledger_would_be_seen() -> None:
    assert foreign("from privacy.merkle import root") == {"privacy.merkle"}
    assert foreign("import privacy.events") == {"privacy.events"}


def test_running_an_audit_loads_no_other_module_of_ours() -> None:
    script = (
        "import sys; from pathlib import Path; from privacy.audit.verify import audit\n"
        "from privacy.audit.faults import Unreadable\n"
        "try: audit(Path(sys.executable))\n"
        "except Unreadable: pass\n"
        "print(*[name for name in sys.modules if name.startswith(('privacy', 'server', 'simulations', 'client'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split()) - {"privacy"}
    assert {"privacy.audit.verify", "privacy.errors"} <= loaded
    assert not [name for name in loaded if name != "privacy.errors" and not name.startswith("privacy.audit")]
