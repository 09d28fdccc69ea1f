"""The configured banks, and how they fare at the moment."""

from payments.banks.registry import BankRegistry, ConfiguredBank, seal_settings, settings_context

__all__ = ["BankRegistry", "ConfiguredBank", "seal_settings", "settings_context"]
