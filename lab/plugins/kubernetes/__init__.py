"""The lab's stand-in for Pulumi's kubernetes plugin: server-side apply against a real API server."""
