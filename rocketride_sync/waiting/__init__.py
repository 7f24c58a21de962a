"""When to poll again, when it is over, when to give up; one task or many. Knows no transport."""
