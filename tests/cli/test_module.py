"""`python -m onecurve` is the same program as `onecurve`."""

import subprocess
import sys


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "onecurve", "list", "tasks", "--json"], capture_output=True, text=True, check=True)
    assert '"detect"' in done.stdout
    wrong = subprocess.run([sys.executable, "-m", "onecurve", "run", "no-such-suite"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no suite is called: no-such-suite" in wrong.stderr
