"""A study: its configuration, typed, checked and resolved to runs, before any job."""
