"""The rules that hold the structure up: who may import whom, and what may stand in no file."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Each package, and which of ours it may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "engine": set(),
    "risk": {"engine"},
    "adapters": {"engine"},
    "store": {"engine"},
    "config": {"engine"},
    "actors": {"engine", "risk", "adapters", "store", "config"},
    "examples": {"engine"},
    "bench": {"engine", "risk", "adapters", "store", "config", "actors", "cli"},
    "cli": {"engine", "risk", "adapters", "store", "config", "actors", "bench"},
}

#: What a function of its inputs must not touch.
IMPURE = {"asyncio", "socket", "time", "random", "os", "threading", "uvloop", "ray", "pathlib", "subprocess", "secrets"}
#: The latch and the pages of latencies and counters are mapped files, and that is all they do with the outside.
#: Compiled kernels are kept in a folder.
IMPURE_ALLOWED = {
    "engine/kernel.py": {"os", "pathlib"},
    "risk/latch.py": {"os", "pathlib"},
    "risk/latch_file.py": {"os", "pathlib"},
    "risk/latch_reader.py": {"pathlib"},
    "risk/latency.py": {"pathlib"},
    "risk/page.py": {"pathlib"},
    "risk/counters.py": {"pathlib"},
    "risk/window.py": {"pathlib"},
}


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_the_layers_allow(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{name} imports {module}"
        for name, tree in modules(package)
        for module in imported(tree)
        if (top := module.partition(".")[0]) in MAY_IMPORT and top not in allowed
    ]
    assert not wrong


def test_only_the_ray_runtime_imports_ray() -> None:
    wrong = [
        name
        for name, tree in modules(*MAY_IMPORT)
        if any(module.partition(".")[0] == "ray" for module in imported(tree))
        and name != "actors/runtime/ray.py"
        and not name.startswith("bench/")
    ]
    assert not wrong


def test_kernels_are_compiled_in_one_place() -> None:
    """Numba itself would keep the compiled code of a kernel when another file that it calls changes."""
    wrong = [
        name
        for name, tree in modules(*MAY_IMPORT)
        if name != "engine/kernel.py"
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("jit", "njit"))
        or (isinstance(node, ast.ImportFrom) and any(alias.name in ("jit", "njit") for alias in node.names))
    ]
    assert not wrong


def test_engine_risk_and_adapters_touch_no_clock_socket_file_or_environment() -> None:
    wrong = [
        f"{name} imports {module}"
        for name, tree in modules("engine", "risk", "adapters")
        for module in imported(tree)
        if (top := module.partition(".")[0]) in IMPURE and top not in IMPURE_ALLOWED.get(name, set())
    ]
    assert not wrong


def test_actors_know_no_runtime_clock_or_socket() -> None:
    """The actors proper, that is; ``runtime`` hosts them and ``wiring`` opens what they own."""
    outside = {"actors/wiring.py", "actors/places.py", "actors/strategy_source.py"}
    wrong = [
        f"{name} imports {module}"
        for name, tree in modules("actors")
        if not name.startswith("actors/runtime/") and name not in outside
        for module in imported(tree)
        if module.partition(".")[0] in IMPURE or module.startswith("actors.runtime")
    ]
    assert not wrong


def test_the_order_path_cannot_wait() -> None:
    """Everything between frame-in and socket write is plain functions: no coroutine exists there to be awaited."""
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in modules("engine", "risk", "adapters", "store", "actors")
        if not name.startswith("actors/runtime/")
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert not wrong


def test_a_shadow_has_nothing_that_an_order_could_be_sent_with() -> None:
    """Whatever it imports, and whatever that imports: no session, no adapter, no credentials."""
    trees = {name[:-3].replace("/", "."): tree for name, tree in modules("actors", "engine", "risk", "config", "store")}
    reached, left = set(), ["actors.shadow"]
    while left:
        reached.add(name := left.pop())
        left += (imported(trees[name]) & set(trees)) - reached if name in trees else ()
    assert "actors.shadow_venue" in reached
    ways_out = ("adapters", "engine.venue", "config.credentials", "actors.venue_core", "actors.wiring", "store")
    assert not [name for name in reached for way in ways_out if name == way or name.startswith(f"{way}.")]
    for name in [name for name in trees if name.startswith("actors.shadow")]:
        assert not [module for module in imported(trees[name]) if module.startswith("adapters")]


def test_every_module_says_what_it_exports_and_has_it() -> None:
    wrong = []
    for name, tree in modules(*(package for package in MAY_IMPORT if package != "examples")):
        if name.endswith(("__init__.py", "__main__.py")):
            continue
        module = importlib.import_module(name.removesuffix(".py").replace("/", "."))
        exported = getattr(module, "__all__", None)
        if exported is None or any(not hasattr(module, symbol) for symbol in exported):
            wrong.append(name)
        assert ast.get_docstring(tree), f"{name} has no docstring"
    assert not wrong


def test_no_module_is_named_for_having_no_name() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
    assert not [name for name, _ in modules(*MAY_IMPORT) if Path(name).stem in vague]


def tracked_text() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        try:
            yield name, (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def test_no_file_names_a_registry_or_a_machine() -> None:
    hosts = "|".join(["python" + "hosted", "py" + r"pi\.org", "npm" + r"js\.org", "debian" + r"\.org"])
    pattern = re.compile(rf"{hosts}|/work/|/root/|/home/[a-z]", re.IGNORECASE)
    assert not [name for name, text in tracked_text() if pattern.search(text) and name != "tests/test_architecture.py"]


def test_nothing_is_left_for_later() -> None:
    pattern = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b")
    assert not [
        name
        for name, text in tracked_text()
        if name.endswith((".py", ".toml", "Makefile")) and pattern.search(text) and name != "tests/test_architecture.py"
    ]
