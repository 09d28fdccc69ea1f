"""Envelope encryption: what partners, merchants and banks wrote in their own words lies in the database sealed.

    key-encryption key   from a provider (a file, the environment: config/keys.py), never in the database
      └ data key         one per merchant, one per partner, one for the installation; wrapped, in table data_keys
          └ subkey       one per loading of a data key (format.py)
              └ value    AES-256-GCM

Destroying an owner's data key erases all that was sealed with it, everywhere, once `key_seconds_max` have passed.
"""

from kernel.sealing.format import ERASED
from kernel.sealing.model import (
    DataKey,
    KeyDestroyed,
    KeyEncryptionKeyMissing,
    KeyProvider,
    Owner,
    SealBroken,
    SealError,
    VaultPolicy,
)
from kernel.sealing.vault import Vault

__all__ = [
    "ERASED",
    "DataKey",
    "KeyDestroyed",
    "KeyEncryptionKeyMissing",
    "KeyProvider",
    "Owner",
    "SealBroken",
    "SealError",
    "Vault",
    "VaultPolicy",
]
