"""Compiled kernels over a change of what they are made of: the new code runs, and the old is found again."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numba
import pytest

import adapters
import engine
import risk
from engine.errors import UsageError
from engine.kernel import stamp_of, stamps

CALLED = """
from engine.kernel import inlined
import kernel_layout as layout
{constant}

@inlined
def called(x: int) -> int:
    return {result}
"""
CALLER = """
from engine.kernel import kernel
from kernel_called import called
from kernel_layout import STEP

@kernel
def caller(x: int) -> int:
    return called(x) * STEP
"""
#: In the order in which they are given.
OPTIONS = ("error_model", "_nrt", "forceinline")


class Sources:
    """Three files: a kernel, what it calls, and constants of both; imported anew as another process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("caller", CALLER)
        self.write_called("x + 1")
        self.write("layout", "STEP, OTHER = 10, 5")

    def write(self, name: str, text: str) -> None:
        (self.folder / f"kernel_{name}.py").write_text(text)

    def write_called(self, result: str, constant: str = "") -> None:
        self.write("called", CALLED.format(result=result, constant=constant))

    def run(self) -> tuple[int, bool]:
        """What the kernel makes of 1, and whether its code was found."""
        forget()
        importlib.invalidate_caches()
        caller = importlib.import_module("kernel_caller").caller
        return caller(1), bool(caller.stats.cache_hits)


def forget() -> None:
    for name in ("kernel_caller", "kernel_called", "kernel_layout"):
        sys.modules.pop(name, None)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change faster than their times tell
    yield Sources(tmp_path)
    forget()


def test_a_kernel_is_compiled_anew_when_another_file_that_it_calls_changes(sources: Sources) -> None:
    assert [sources.run(), sources.run()] == [(20, False), (20, True)]
    sources.write_called("x + 2")
    assert [sources.run(), sources.run()] == [(30, False), (30, True)]
    sources.write_called("x + 1")
    assert sources.run() == (20, True)


def test_a_kernel_is_compiled_anew_when_a_constant_of_another_file_changes(sources: Sources) -> None:
    sources.write_called("x + layout.OTHER")
    assert sources.run() == (60, False)
    sources.write("layout", "STEP, OTHER = 100, 5")
    assert sources.run() == (600, False)
    sources.write("layout", "STEP, OTHER = 100, 6")
    assert sources.run() == (700, False)


def test_a_kernel_may_call_one_that_stands_below_it(sources: Sources) -> None:
    between = "\n@kernel\ndef between(x: int) -> int:\n    return called(x)\n"
    sources.write("caller", CALLER.replace("called(x)", "between(x)") + between)
    assert sources.run() == (20, False)
    sources.write_called("x + 2")
    assert sources.run() == (30, False)


def test_code_is_kept_where_numba_was_told_to_keep_it(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "chosen"))
    assert [sources.run(), sources.run()] == [(20, False), (20, True)]
    assert (tmp_path / "chosen/kernels/kernel_caller.caller").is_dir()
    assert not (tmp_path / "__pycache__").exists()


def test_code_is_kept_for_the_user_where_the_package_cannot_be_written(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__pycache__").write_text("a file in the way, which no user may write below, root neither")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert [sources.run(), sources.run()] == [(20, False), (20, True)]
    assert (tmp_path / "cache/haltline/kernels/kernel_caller.caller").is_dir()


def test_every_process_compiles_where_nothing_can_be_written(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file"))
    assert [sources.run(), sources.run()] == [(20, False), (20, False)]


def test_what_is_a_day_older_goes_when_something_new_comes(sources: Sources, tmp_path: Path) -> None:
    sources.run()
    kept = tmp_path / "__pycache__/kernels/kernel_caller.caller"
    (old,) = kept.iterdir()
    age(old)
    sources.write_called("x + 2")
    sources.run()
    (young,) = kept.iterdir()
    sources.write_called("x + 3")
    sources.run()
    assert old != young
    assert len(list(kept.iterdir())) == 2


def age(folder: Path) -> None:
    made = folder.stat().st_mtime
    os.utime(folder, (made - 100_000, made - 100_000))


def test_a_kernel_uses_nothing_whose_meaning_cannot_be_told(sources: Sources) -> None:
    sources.write("layout", "STEP, OTHER = [10], 5")
    with pytest.raises(UsageError, match="uses STEP, a list"):
        sources.run()
    sources.write("layout", "import numba\nSTEP = numba.njit(lambda x: x)")
    with pytest.raises(UsageError, match="uses STEP, a CPUDispatcher"):
        sources.run()


def walk(package: ModuleType) -> Iterator[str]:
    return (module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))


def test_no_kernel_uses_a_constant_that_is_computed_after_it() -> None:
    """Its stamp, made where it is defined, would lack it."""
    modules = [importlib.import_module(name) for package in (engine, risk, adapters) for name in walk(package)]
    kernels = {value for module in modules for value in vars(module).values() if hasattr(value, "py_func")}
    assert len(kernels) > 50
    for compiled in kernels:
        options = {name: compiled.targetoptions[name] for name in OPTIONS if name in compiled.targetoptions}
        assert stamp_of(compiled.py_func, options) == stamps[compiled.py_func], compiled.py_func.__qualname__
