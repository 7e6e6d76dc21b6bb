"""Runs the cases of a test script, each of which a line tells about, and ends with `N passed, N failed`."""

import traceback
from collections.abc import Callable, Iterable


def spoken(case: Callable) -> str:
    """What a case is called in the output: its function's name in words."""
    return case.__name__.replace("_", " ")


def run_cases(cases: Iterable[tuple[str, Callable[[], object]]]) -> int:
    """Runs them in order; returns the exit status. One that throws has failed, and the others go on."""
    passed = failed = 0
    for name, case in cases:
        try:
            case()
        except Exception:
            failed += 1
            print(f"FAILED: {name}\n{traceback.format_exc()}", flush=True)
        else:
            passed += 1
            print(f"ok: {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0
