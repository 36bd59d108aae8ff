"""The audit anyone can repeat: a bundle checked by code that shares nothing with the code that wrote it.

Own readers, own Merkle tree, own notes, own accounting; of this package's neighbours it imports the root of the error
classes and nothing else, which a test and an import contract hold it to.
"""
