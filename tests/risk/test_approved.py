"""The proof of the check is in the type: only the gate makes an ``Approved``."""

import ast
from pathlib import Path

import risk

ROOT = Path(risk.__file__).parent.parent
PACKAGES = ("engine", "risk", "adapters", "actors", "store", "config", "bench", "cli", "examples")
#: Deliberate bugs, "gate skipped" among them, that the simulation must catch; and the conformance desk, where an
#: adapter meets its simulated venue without an engine.
WITHOUT_A_GATE = ("cli/simulation/bugs/", "cli/conformance/")


def _makes_approved(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            is_cast = name == "cast" and bool(node.args) and "Approved" in ast.unparse(node.args[0])
            if name == "Approved" or is_cast:
                return True
    return False


def test_approved_is_made_only_by_the_gate() -> None:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    makers = [path.relative_to(ROOT).as_posix() for path in files if _makes_approved(path)]
    assert [maker for maker in makers if not maker.startswith(WITHOUT_A_GATE)] == ["risk/gate.py"]
