"""Another data key for an owner, and all that the old one sealed sealed anew, while everything goes on.

A rotation retires the owner's data keys and gives it new ones in one transaction (rotation.py). A worker then walks
over every column that holds sealed values (columns.py), opens what a retired key sealed and seals it with the new one
(resealing.py), portion by portion (walker.py). Retired keys open values all the while. They are destroyed when a whole
walk, begun long enough after the last change, has found nothing of theirs.
"""
