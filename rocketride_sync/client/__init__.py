"""What users call: `RocketRideClient`, and the `Task` that it hands out."""
