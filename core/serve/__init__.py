"""What the world outside meets: the HTTP API, the shared page, exports, backups."""
