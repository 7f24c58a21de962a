"""What a forked process runs for `run_loaded`: the Python code that is its first argument."""

import sys
import warnings


def main():
    warnings.simplefilter("error")
    code = sys.argv.pop(1)
    exec(compile(code, "script", "exec"), {"__name__": "__main__"})
