"""Parts of the gateway that its role opens."""
