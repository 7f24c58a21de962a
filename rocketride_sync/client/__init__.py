"""The classes that users call: `RocketRideClient`, and the `Task` that it returns."""
