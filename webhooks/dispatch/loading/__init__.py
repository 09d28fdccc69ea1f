"""Claims become what can be sent: rows read anew for every batch, seals opened, and the rest is told why not."""

from webhooks.dispatch.loading.claims import LoadedBatch, Loader, release

__all__ = ["LoadedBatch", "Loader", "release"]
