"""The program `rocketride-sync`: one module a command, `*_command.py`, put together in `main`."""
