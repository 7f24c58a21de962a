"""The command `rocketride-sync`: one module a command, assembled in `main`."""
