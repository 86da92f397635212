"""What is declared is enough: an empty environment with only the declared test dependencies runs the async tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ASYNC_TESTS = "tests/integration/test_embedded_engine.py"


def locked_versions() -> str:
    """The lock file's pins without its hashes, as constraints."""
    pins = re.findall(r"^([a-z0-9_.-]+==\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return "\n".join(pins) + "\n"


def test_the_lock_holds_a_hash_for_every_package_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(packages) > 30
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_declared_test_dependencies_alone_run_the_async_tests(tmp_path: Path) -> None:
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    (tmp_path / "constraints.txt").write_text(locked_versions())
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    subprocess.run(
        [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--constraint",
            str(tmp_path / "constraints.txt"),
            f"{source}[test]",
        ],
        check=True,
        env=environment,
    )
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", ASYNC_TESTS], cwd=source, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)
    assert "async def functions are not natively supported" not in done.stdout
