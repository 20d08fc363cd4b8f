"""Programs behind the figures of docs/reliability.md; each takes --seed and writes a record."""
