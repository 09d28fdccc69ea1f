"""The standard's words in both versions and what they mean to us. A word that stands in no table means nothing."""
