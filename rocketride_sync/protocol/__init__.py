"""The protocol of the server: operations, and what their answers mean. No sockets, no clocks."""
